"""The offline check of a run's folder."""
