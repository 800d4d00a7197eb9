"""Settings for most tests, in effect once a conftest.py imports this module: they are about calls to AWS alone."""

import functools
import os

import botocore.client
import botocore.session

# No servers under the account; the tests that are about these remove the setting.
os.environ["RUNBOOK_LOCAL_MACHINES"] = "none"
# Most accounts are thrown away, one after the other.
os.environ["RUNBOOK_LOCAL_SAVE"] = "end"

# botocore reads a service's description anew for each session, and nearly every test begins one.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# Nor are the methods of a service's client others from one client to the next.


def _once(make):
    """Make them once for each service, and give each client class a copy."""
    made = {}

    @functools.wraps(make)
    def once(creator, service_model):
        name = service_model.service_name
        if name not in made:
            made[name] = make(creator, service_model)
        return dict(made[name])

    return once


for _name in ("_create_methods", "_create_name_mapping"):
    setattr(botocore.client.ClientCreator, _name, _once(getattr(botocore.client.ClientCreator, _name)))
