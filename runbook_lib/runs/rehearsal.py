"""Rehearse an environment: its parameters on the embedded AWS, in a root of its own.

Everything that a run keeps is below its root: evidence, keys, approvals, and the state of the endpoint.  So nothing of
a rehearsal is taken for the environment's own, and every command works on it with ``RUNBOOK_ROOT``.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from ..aws import endpoints
from ..files import write_atomically
from ..params import Params, load, params_file
from ..params.app import is_parameter
from ..params.model import BAKED, NEWEST

ENDPOINT = "embedded"
FOLDER = "rehearsals"
"""Where the roots of rehearsals are, below that of the environments."""
_NOT_REHEARSED = {
    "endpoint": ENDPOINT,
    "approval": {"required": False},  # people approve changes of the real environment only
}
_HEAD = """\
# Written by each rehearsal from params/{name}: changes here are lost.
# Another here: the endpoint, approval (people approve changes of the real environment only), and evidence.kms_key
# (the real key must not sign a rehearsal).
"""


def prepare_rehearsal(root: Path, params: Params) -> tuple[Path, Params]:
    """Return root and parameters of the rehearsal; those given where the parameters are on an endpoint anyway.

    Raises:
        WrongEndpoint: No installed package offers the endpoint.
        LocalError: It could not be started, or was started for another account or region.
    """
    if params.endpoint is not None:
        return root, params
    own = root / FOLDER / params.env
    raw = params.model_dump(mode="json", exclude_unset=True) | _NOT_REHEARSED
    raw["evidence"] = {**raw.get("evidence", {}), "kms_key": None}
    source = params_file(root, params.env)
    target = params_file(own, params.env)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = _HEAD.format(name=source.name) + yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    write_atomically(target, text.encode())
    endpoints.rehearse(params.env, ENDPOINT, own, given(params))
    return own, load(target)


def given(params: Params) -> endpoints.Given:
    """What the parameters name and no stack creates."""
    certificate, compute, app = params.compute.certificate, params.compute, params.app
    references = list(app.secrets.values())
    boundary = {params.permissions_boundary: "boundary"} if params.permissions_boundary else {}
    return endpoints.Given(
        params.account,
        params.region,
        hosted_zones={certificate.hosted_zone: certificate.domain or ""} if certificate.hosted_zone else {},
        certificates={certificate.arn: f"{params.env}.test"} if certificate.arn else {},
        images={compute.image: compute.architecture} if compute.image and compute.image not in (NEWEST, BAKED) else {},
        secrets={each: "" for each in references if not is_parameter(each)},
        ssm_parameters={each: "" for each in references if is_parameter(each)},
        policies=dict.fromkeys(app.policies.managed, "attached") | boundary,
    )
