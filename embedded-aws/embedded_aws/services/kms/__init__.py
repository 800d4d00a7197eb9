"""KMS: signatures."""
