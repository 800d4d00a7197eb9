"""Settings for most tests, in effect once a conftest.py imports this module: they are about calls to AWS alone."""

import functools
import os

import botocore.session

# No servers under the account; the tests that are about these remove the setting.
os.environ["RUNBOOK_LOCAL_MACHINES"] = "none"
# Most accounts are thrown away, one after the other.
os.environ["RUNBOOK_LOCAL_SAVE"] = "end"

# botocore reads a service's description anew for each session, and nearly every test begins one.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
