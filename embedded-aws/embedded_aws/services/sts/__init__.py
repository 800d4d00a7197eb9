"""STS: who calls."""
