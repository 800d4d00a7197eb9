"""Lambda, whose name in boto3, `lambda`, is a keyword of Python: functions, and their asynchronous invocations."""
