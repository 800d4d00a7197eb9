"""The executed notebooks in a run's folder, and their pages."""
