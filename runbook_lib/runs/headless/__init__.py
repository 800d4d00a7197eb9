"""Around a notebook that runs without a browser."""
