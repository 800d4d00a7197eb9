"""Who may assume a role: the least that IAM takes."""

import json


def trust(service, **conditions):
    """A trust policy for one service, such as `ec2`; conditions by their operator."""
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    if conditions:
        statement["Condition"] = conditions
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
