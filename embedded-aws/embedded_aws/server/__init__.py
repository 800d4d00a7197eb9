"""The server process: AWS's calls over HTTP, faults, game days and the clock."""

import functools

import botocore.session

# moto begins sessions of boto3 while it is imported, and each would read the list of all endpoints again: a second of
# a processor.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
