"""How AWS gives a policy back: with the same meaning, written in another way."""

from __future__ import annotations

import json
from typing import Any


def as_stored(document: str) -> str:
    """Return a policy as IAM and S3 do: a list of one is the value itself, and other lists have another order.

    AWS promises no order, and it differs by account; the one here is the opposite of the alphabet's, so that whoever
    compares texts or sends sorted lists sees a difference.
    https://github.com/aws-controllers-k8s/community/issues/2875 (trust policies)
    https://github.com/hashicorp/terraform/issues/2432 (bucket policies)
    """
    policy = json.loads(document)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return json.dumps({**policy, "Statement": [_rewrite(statement) for statement in statements]})


def _rewrite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rewrite(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return value[0] if len(value) == 1 else sorted(value, key=str, reverse=True)
    return value
