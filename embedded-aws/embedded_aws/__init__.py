"""The embedded AWS: moto in a process of its own, with what it lacks, for rehearsals and tests."""
