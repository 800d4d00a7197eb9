"""Why a deployment of CodeDeploy failed."""

from __future__ import annotations

from ..aws.snapshot import ApiObject, Snapshot

_TAIL_LINES = 8


def first_failure(snapshot: Snapshot, deployment: str) -> list[str]:
    """The first failed server of a deployment: the lifecycle event, and the last lines of its script."""
    ids = snapshot.all("codedeploy", "list_deployment_targets", "targetIds", deploymentId=deployment)
    for start in range(0, len(ids), 25):  # the maximum of one call
        some = ids[start : start + 25]
        answer = snapshot.get("codedeploy", "batch_get_deployment_targets", deploymentId=deployment, targetIds=some)
        for target in (answer or {}).get("deploymentTargets", []):
            server = target.get("instanceTarget", {})
            for event in server.get("lifecycleEvents", []):
                if event["status"] == "Failed":
                    return _step(server.get("targetId", "?"), event)
    return []


def _step(server: str, event: ApiObject) -> list[str]:
    diagnostics = event.get("diagnostics", {})
    script = f" in {diagnostics['scriptName']}" if diagnostics.get("scriptName") else ""
    code = diagnostics.get("errorCode") or "failed, and CodeDeploy gives no reason"
    return [
        f"{event['lifecycleEventName']} on {server}: {code}{script}. {diagnostics.get('message', '')}".strip(),
        *(f"  | {line}" for line in diagnostics.get("logTail", "").splitlines()[-_TAIL_LINES:]),
    ]
