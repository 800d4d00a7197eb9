"""What several services validate or send in the same way."""
