"""Launch templates, and what EC2 checks before it launches an instance."""
