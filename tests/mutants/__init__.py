"""Mutants of the core: a wrong line in it has to be noticed by a test. `python -m tests.mutants --help`."""
