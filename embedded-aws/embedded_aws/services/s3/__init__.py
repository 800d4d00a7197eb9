"""S3: buckets, their policies, and locks on objects."""
