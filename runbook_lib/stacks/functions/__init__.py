"""The code of Lambda functions: each file runs in AWS, with boto3 and nothing of this library."""
