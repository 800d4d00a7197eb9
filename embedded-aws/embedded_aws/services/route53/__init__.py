"""Route 53: hosted zones."""
