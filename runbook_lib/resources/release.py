"""A release: the revision that the servers of a deployment group run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, takewhile
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import ApiObject, Snapshot
from ..errors import RequestRejected
from .application_secret import ApplicationSecret
from .auto_scaling_group import (
    AutoScalingGroup,
    abandoned_launch,
    find_scaling_group,
    in_service,
    unhealthy_targets,
)
from .base import Ids, Observed, Resource, kind
from .configuration_parameter import ConfigurationParameter
from .deployment_failure import first_failure
from .deployment_group import DeploymentGroup, find_group, is_attached
from .deployment_history import LOOKED_AT, ROLLBACK, USER, WHOLE, find_deployment, find_deployments, revision_text
from .master_secret_access import MasterSecretAccess
from .role_policy import RolePolicy
from .stored_bundle import StoredBundle, key

_NONE = "none"
_ALL, _NOT_ALL = "every server gets it", "not every server gets it"
_READABLE, _UNREADABLE = "servers may read the master user's secret", "no server may read the master user's secret"
_DETACH, _ATTACH = "detach", "attach"
_ENDED = ("Succeeded", "Failed", "Stopped")
_ONLY_SOME = {
    "autoscaling": "servers that Auto Scaling added",
    "CodeDeployAutoUpdate": "servers with an older revision",
}
"""The servers of a deployment that does not go to all of the group's, by its creator.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html (creator)
"""

_GROUP = "codedeploy:deploymentgroup:{env}-{self.group.application.name}/{env}-{self.group.name}"


@kind
class Release(Resource):
    """The revision of the last successful deployment; creating or updating it deploys.

    CreateDeployment has neither a client token nor tags, but a group has one deployment at a
    time: a deployment in progress is waited for.  One server in service is enough to deploy.

    CodeDeploy deploys the last successful revision to every new server, and abandons the server if
    that fails.  If it fails on all of them, none comes into service that another revision could be
    deployed to.  Then the Auto Scaling group is detached from the deployment group, which removes
    the launch hook, until a server is in service; it is attached again, and the revision is deployed.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-auto-scaling.html

    Args:
        bundle: In the environment's bucket; or
        commit: in GitHub, ``owner/name@<40 digits>``.
        goes_back: Whether it is an earlier revision.  No alarm stops its deployment, since the revision that is left
            may be what raises it, and when it fails CodeDeploy does not go back to that one.
        configuration, permissions, secrets: What the application reads when it starts.  A change of its settings, or a
            new version of one of its secrets, is deployed with the same revision, one server at a time.
        access: To the master user's secret, which a deployment needs to make the database user.  It is withdrawn when
            the deployment has succeeded.
    """

    group: DeploymentGroup
    servers: AutoScalingGroup
    configuration: ConfigurationParameter
    permissions: tuple[RolePolicy, ...] = ()
    secrets: tuple[ApplicationSecret, ...] = ()
    access: MasterSecretAccess | None = None
    bundle: StoredBundle | None = None
    commit: str = ""
    goes_back: bool = False

    ready_fields = frozenset({"servers"})
    update_when_ready = True
    implicit = True
    eventual_errors = frozenset({"DeploymentLimitExceededException"})
    wait_timeout = 7200
    usual_wait = "1 min and the deregistration delay for each server"  # 60 s for the hooks
    if_failed = "Correct webapp/ and apply 04_deploy again. There is nothing to destroy."

    def is_satisfied_by(self, dependency: Observed) -> bool:
        """Whether a server is healthy, or none ever will be until another revision is deployed."""
        return dependency.ready or bool(dependency.detail["_healthy"] or dependency.detail["_abandoned"])

    # A deployment also needs its configuration, and registers the revision, below the table of
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
    repeatable_create = False
    needs = (
        to_look(
            "codedeploy:BatchGetDeployments", "codedeploy:GetDeployment", "codedeploy:ListDeployments", on=_GROUP
        ),
        to_look("codedeploy:BatchGetDeploymentTargets", "codedeploy:ListDeploymentTargets"),
        to_apply(
            "codedeploy:CreateDeployment", "codedeploy:GetApplicationRevision", "codedeploy:GetDeploymentConfig",
            "codedeploy:RegisterApplicationRevision",
            on=(
                _GROUP, "codedeploy:application:{env}-{self.group.application.name}",
                "codedeploy:deploymentconfig:{self.group.configuration}",
            ),
        ),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect this revision with these settings on all servers, and the master user's secret out of their reach."""
        revision = f"sha256 {self.bundle.sha256}" if self.bundle else self.commit
        return {"revision": revision, "settings": self._settings(ids), "servers": _ALL, "master_access": _UNREADABLE}

    def _settings(self, ids: Ids) -> str:
        """A digest of the application's settings, its database user, and the versions of its secrets."""
        given = [self.configuration.user, *self.configuration.environment, *self.configuration.secrets]
        if self.configuration.cache:
            given.append(self.configuration.cache.key)  # its address is in the environment that a release writes
        versions = [str(ids.get(secret, secret.known_as)) for secret in self.secrets]
        return f"sha256 {hashlib.sha256(json.dumps([given, versions]).encode()).hexdigest()[:12]}"

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the last deployment, the last that succeeded, and which servers run it."""
        info = find_group(snapshot, self.group, ids) if self.group in ids else None
        last = find_deployment(snapshot, (info or {}).get("lastAttemptedDeployment"))
        if info is None or last is None:
            return None
        # It may have ended between the two calls, so the first response may not show that it succeeded.
        ended_well = last["status"] == "Succeeded"
        good = last if ended_well else find_deployment(snapshot, info.get("lastSuccessfulDeployment"))
        wanted, runs = self.desired(ids)["revision"], revision_text(good["revision"]) if good else _NONE
        running = last["status"] not in _ENDED
        failure = "" if running or runs == wanted else self._failure(snapshot, last, wanted)
        seen = Observed(
            (good or last)["deploymentId"],
            {
                "revision": runs,
                "settings": self._deployed_settings(snapshot, info, good),
                "servers": _ALL,
                "master_access": _READABLE if self.access and self.access.is_given(snapshot, ids) else _UNREADABLE,
            },
            ready=not running,
            status=_progress(last),
            failed=failure,
            detail=_detail(good) if good else {},
        )
        return self._with_servers(snapshot, info, good, seen) if good else seen

    def _deployed_settings(self, snapshot: Snapshot, info: ApiObject, good: ApiObject | None) -> str:
        """The settings that the last deployment to all servers has brought.

        A deployment that Auto Scaling or CodeDeploy began has no description of ours, and reached some servers only.
        """
        if good is None:
            return _NONE
        if good.get("creator", USER) != USER:
            earlier = self._successes(snapshot, info)
            good = next((each for each in earlier if each.get("creator", USER) == USER), good)
        match = re.search(r"; settings (sha256 [0-9a-f]{12})$", good.get("description") or "")
        return match[1] if match else _NONE

    def _with_servers(self, snapshot: Snapshot, info: ApiObject, good: ApiObject, seen: Observed) -> Observed:
        """Add to what was observed whether every server, also a new one, gets the last successful revision."""
        group = find_scaling_group(snapshot, self.servers)
        if group is None:
            return seen
        serving, is_new = in_service(group), seen.state["revision"] != self.desired({})["revision"]
        state = {**seen.state, "servers": _NOT_ALL}
        if not is_attached(info, group):
            booting = any(i["LifecycleState"].startswith("Pending") for i in group["Instances"])
            # A healthy server has an agent: CodeDeploy would wait an hour for one that is missing.
            healthy = {i["InstanceId"] for i in serving} - set(unhealthy_targets(snapshot, group))
            ready = not is_new or (bool(healthy) and not booting)
            note = "the Auto Scaling group is detached from the deployment group, and is attached again"
            status = seen.status if ready else "detached until a server is in service"
            return replace(seen, state=state, ready=ready, step=_ATTACH, note=note, status=status)
        if is_new:
            abandoned = "" if serving else abandoned_launch(snapshot, group["AutoScalingGroupName"])
            if not abandoned:
                return seen
            note = (
                f"every new server is abandoned: {abandoned.rstrip('.')}. "
                "The Auto Scaling group is detached until a server is in service, and attached again"
            )
            return replace(seen, state=state, ready=True, step=_DETACH, note=note)
        lacking = self._without(snapshot, info, good, {i["InstanceId"] for i in serving}) if seen.ready else set()
        if not lacking:
            return seen
        note = f"deployment {good['deploymentId']} did not reach {', '.join(sorted(lacking))}"
        failed = lacking & _targets(snapshot, good["deploymentId"], "Failed")
        reason = "\n".join([note, *first_failure(snapshot, good["deploymentId"])]) if failed else ""
        return replace(seen, state=state, note=note, failed=reason)

    def _without(self, snapshot: Snapshot, info: ApiObject, good: ApiObject, servers: set[str]) -> set[str]:
        """The servers that no successful deployment of the revision has reached.

        Each server that was launched later has a deployment of its own.  What came before another revision went to all
        servers does not count: that one has replaced it.
        """
        left = servers - _targets(snapshot, good["deploymentId"], "Succeeded")
        if not left:
            return left
        since = takewhile(lambda each: not _replaces(each, good), self._successes(snapshot, info))
        # First those that reached most.
        for deployment in sorted(islice(since, LOOKED_AT), key=lambda each: each.get("creator", USER) not in WHOLE):
            if left and revision_text(deployment["revision"]) == revision_text(good["revision"]):
                left = left - _targets(snapshot, deployment["deploymentId"], "Succeeded")
        return left

    def _successes(self, snapshot: Snapshot, info: ApiObject) -> Iterator[ApiObject]:
        """The group's successful deployments, the newest first, read as far as they are asked for."""
        names = {"applicationName": info["applicationName"], "deploymentGroupName": info["deploymentGroupName"]}
        ids = snapshot.all("codedeploy", "list_deployments", "deployments", includeOnlyStatuses=["Succeeded"], **names)
        return find_deployments(snapshot, ids)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Start a deployment of the revision."""
        self._deploy(aws, ids, goes_back=False)

    def _deploy(self, aws: Aws, ids: Ids, *, goes_back: bool) -> None:
        way = f"{ROLLBACK}; " if goes_back else ""
        alone = {"autoRollbackConfiguration": {"enabled": False}, "overrideAlarmConfiguration": {"enabled": False}}
        aws.codedeploy.create_deployment(
            applicationName=ids[self.group.application],
            deploymentGroupName=ids[self.group],
            revision=self._revision(ids),
            description=f"runbook run {aws.run or 'by hand'}; {way}settings {self._settings(ids)}",
            **(alone if goes_back else {}),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Deploy; or take one step towards a server that can be deployed to."""
        if observed.step == _DETACH:
            self._stop_launch_deployments(aws, ids)
            self.group.attach(aws, ids, [])
        elif observed.step == _ATTACH:
            self.group.attach(aws, ids, [ids[self.servers]])
        elif self.access and drift == {"master_access"}:
            self.access.withdraw(aws, ids)
        else:
            self._deploy(aws, ids, goes_back=self.goes_back and "revision" in drift)

    def _stop_launch_deployments(self, aws: Aws, ids: Ids) -> None:
        """Stop the deployments to servers that are abandoned: CodeDeploy waits up to an hour for their agents."""
        running = aws.pages(
            "codedeploy", "list_deployments", "deployments", applicationName=ids[self.group.application],
            deploymentGroupName=ids[self.group], includeOnlyStatuses=["Created", "Queued", "InProgress"],
        )  # fmt: skip
        for deployment_id in running:
            info = aws.codedeploy.get_deployment(deploymentId=deployment_id)["deploymentInfo"]
            if info.get("creator") != "autoscaling":
                continue
            try:
                aws.codedeploy.stop_deployment(deploymentId=deployment_id, autoRollbackEnabled=False)
            except RequestRejected as error:
                if error.code != "DeploymentAlreadyCompletedException":
                    raise

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called: what runs on the servers is deleted with them."""

    def _revision(self, ids: Ids) -> ApiObject:
        if self.bundle:
            place = {"bucket": ids[self.bundle.bucket], "key": key(self.bundle.sha256), "bundleType": "zip"}
            return {"revisionType": "S3", "s3Location": place}
        repository, _, commit = self.commit.partition("@")
        return {"revisionType": "GitHub", "gitHubLocation": {"repository": repository, "commitId": commit}}

    def _failure(self, snapshot: Snapshot, last: ApiObject, wanted: str) -> str:
        """Why the last deployment of the wanted revision failed; empty when it did not."""
        cause = last.get("rollbackInfo", {}).get("rollbackTriggeringDeploymentId")
        tried = find_deployment(snapshot, {"deploymentId": cause}) if cause else last
        if tried is None or revision_text(tried["revision"]) != wanted or tried["status"] == "Succeeded":
            return ""
        lines = [f"deployment {tried['deploymentId']} {tried['status'].lower()}: {_why(tried)}"]
        lines += first_failure(snapshot, tried["deploymentId"])
        if cause:
            lines.append(
                f"Rolled back to {revision_text(last['revision'])}: {last['deploymentId']} {last['status'].lower()}."
            )
        return "\n".join(lines)


def _replaces(deployment: ApiObject, good: ApiObject) -> bool:
    """Whether a deployment brought another revision to all servers."""
    other = revision_text(deployment["revision"]) != revision_text(good["revision"])
    return other and deployment.get("creator", USER) in WHOLE


def _progress(deployment: ApiObject) -> str:
    overview = deployment.get("deploymentOverview")
    which = _ONLY_SOME.get(deployment.get("creator", ""), "servers")
    done = f", {overview.get('Succeeded', 0)} of {sum(overview.values())} {which}" if overview else ""
    return f"{deployment['deploymentId']} {deployment['status']}{done}"


def _detail(deployment: ApiObject) -> dict[str, Any]:
    detail = {
        "deployment": deployment["deploymentId"],
        "by": deployment.get("creator"),
        "completed": str(deployment.get("completeTime", "")),
    }
    note = deployment.get("additionalDeploymentStatusInfo")
    return detail | ({"note": note} if note else {})


def _why(deployment: ApiObject) -> str:
    error = deployment.get("errorInformation", {})
    return f"{error.get('code', 'no reason given')}. {error.get('message', '')}".strip()


def _targets(snapshot: Snapshot, deployment: str, status: str) -> set[str]:
    """The servers on which a deployment ended like this."""
    filters = {"TargetStatus": [status]}
    ids = snapshot.all(
        "codedeploy", "list_deployment_targets", "targetIds", deploymentId=deployment, targetFilters=filters
    )
    return {str(each).rpartition("/")[2] for each in ids}  # AWS shows ids or ARNs
