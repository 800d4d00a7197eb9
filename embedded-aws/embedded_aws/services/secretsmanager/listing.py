"""ListSecrets is late: it shows a new secret minutes later, and a deleted one for minutes more.

"ListSecrets might not reflect changes from the last five minutes. You can get more recent information for a specific
secret by calling DescribeSecret": https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.models import MAX_RESULTS_DEFAULT, SecretsManagerBackend, _matches

from embedded_aws import pacing
from embedded_aws.patching import Method, attach_dict, patch

UNLISTED = "unlisted"
DELETED = "runbook_deleted_secrets"


@patch(SecretsManagerBackend, "create_secret")
def create_secret(moto: Method, manager: Any, name: str, *args: Any, **params: Any) -> Any:
    """Leave a new secret out of the list for a while."""
    exists = name in manager.secrets
    result = moto(manager, name, *args, **params)
    if not exists:
        pacing.start(manager.secrets[name], UNLISTED, "secret_listing")
    return result


@patch(SecretsManagerBackend, "delete_secret")
def delete_secret(moto: Method, manager: Any, secret_id: str, *args: Any, **params: Any) -> Any:
    """Keep a secret that is gone in the list for a while."""
    secret = manager.secrets.get(secret_id)
    result = moto(manager, secret_id, *args, **params)
    if secret is not None and secret_id not in manager.secrets and not _is_unlisted(secret):
        transition = pacing.new_transition("deleted", "secret_listing", "delete")
        attach_dict(manager, DELETED)[secret.arn] = (secret, transition)
    return result


@patch(SecretsManagerBackend, "list_secrets")
def list_secrets(
    _: Method,
    manager: Any,
    filters: list[dict[str, Any]],
    max_results: int = MAX_RESULTS_DEFAULT,
    next_token: str | None = None,
    include_planned_deletion: bool = False,
) -> Any:
    """List what the list shows by now."""
    deleted = attach_dict(manager, DELETED)
    for arn in [arn for arn, (_, transition) in deleted.items() if not pacing.is_in_progress(transition)]:
        del deleted[arn]
    present = [secret for secret in manager.secrets.values() if not _is_unlisted(secret)]
    shown = [
        secret.to_dict()
        for secret in (*present, *(secret for secret, _ in deleted.values()))
        if _matches(secret, filters) and (include_planned_deletion or not getattr(secret, "deleted_date", None))
    ]
    return manager._get_secret_values_page_and_next_token(shown, max_results, next_token)


def _is_unlisted(secret: Any) -> bool:
    return pacing.transitional_state(secret) == UNLISTED
