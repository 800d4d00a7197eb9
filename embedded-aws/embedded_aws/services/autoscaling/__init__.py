"""EC2 Auto Scaling: groups whose servers come, go and are replaced."""
