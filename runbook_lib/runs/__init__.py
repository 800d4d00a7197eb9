"""One run from start to finish: what a notebook calls, the lock, the runner."""
