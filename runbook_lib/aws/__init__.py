"""The only code that calls boto3: session, client, snapshot of list calls, endpoints."""
