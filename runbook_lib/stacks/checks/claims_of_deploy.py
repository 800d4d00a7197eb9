"""Claims 9 and 10: what a new instance gets, and what a push can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...aws.snapshot import ApiObject
from ...resources.auto_scaling_group import AutoScalingGroup
from ...resources.base import Resource
from ...resources.bucket import Bucket
from ...resources.deployment_group import DeploymentGroup, find_group
from ...resources.federated_role import FederatedRole
from ...resources.role_details import read_role
from .account import Account
from .check import EXCEPTION, FAIL, Finding

_GONE = "DeploymentDoesNotExistException"


def current_revision(account: Account) -> Finding:
    """Claim 9: CodeDeploy deploys the last successful revision to what the Auto Scaling group launches.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
    """
    info = _deployment_group(account)
    servers = account.observed(account.the(AutoScalingGroup))
    if info is None or servers is None:
        return Finding(FAIL, (), ("there is no deployment group, or no Auto Scaling group",))
    attached = {each["name"]: each.get("hook", "") for each in info.get("autoScalingGroups", [])}
    problems = []
    if servers.id not in attached:
        problems.append(f"{info['deploymentGroupName']} is not bound to {servers.id}")
    elif attached[servers.id] not in _launch_hooks(account, servers.id):
        problems.append(f"{servers.id} lacks CodeDeploy's launch hook")
    last = info.get("lastSuccessfulDeployment", {}).get("deploymentId", "")
    revision, problem = _revision(account, last)
    problems += [problem] if problem else []
    looked_at = [info["deploymentGroupId"], servers.id, attached.get(servers.id, ""), last, revision]
    return Finding.of(looked_at, problems, [f"{servers.id} gets {revision}, of {last}"])


def _deployment_group(account: Account) -> ApiObject | None:
    group = account.environment.the(DeploymentGroup)
    if account.observed(group) is None:
        return None
    ids: dict[Resource, str] = {}
    if application := account.observed(group.application):
        ids[group.application] = application.id
    return find_group(account.snapshot, group, ids)


def _launch_hooks(account: Account, servers: str) -> set[str]:
    answer = account.snapshot.get(
        "autoscaling", "describe_lifecycle_hooks", missing="ValidationError", AutoScalingGroupName=servers
    )
    launching = "autoscaling:EC2_INSTANCE_LAUNCHING"
    hooks = (answer or {}).get("LifecycleHooks", [])
    return {each["LifecycleHookName"] for each in hooks if each["LifecycleTransition"] == launching}


def _revision(account: Account, deployment: str) -> tuple[str, str]:
    """The revision of a deployment, and what is wrong with it."""
    if not deployment:
        return "", "no deployment has succeeded yet"
    answer = account.snapshot.get("codedeploy", "get_deployment", missing=_GONE, deploymentId=deployment)
    revision = answer["deploymentInfo"].get("revision", {}) if answer else {}
    if commit := revision.get("gitHubLocation"):
        return f"{commit['repository']}@{commit['commitId']}", ""
    stored = revision.get("s3Location")
    if not stored:
        return "", f"CodeDeploy does not know the revision of {deployment}"
    place = f"s3://{stored['bucket']}/{stored['key']}"
    bucket = account.observed(account.the(Bucket))
    if bucket is None or bucket.id != stored["bucket"]:
        return place, f"the revision {place} is not in the environment's bucket"
    found = account.snapshot.all("s3", "list_objects_v2", "Contents", Bucket=stored["bucket"], Prefix=stored["key"])
    kept = any(each["Key"] == stored["key"] for each in found)
    return place, "" if kept else f"the revision {place} is no longer stored"


def push_deploys(account: Account) -> Finding:
    """Claim 10; without a repository in the parameters, nothing can deploy by a push, and that is their choice."""
    role = account.the(FederatedRole)
    if role is None:
        return Finding(EXCEPTION, (), ("the parameters name no repository: nothing deploys by a push",))
    observed = account.observed(role)
    if observed is None:
        return Finding(FAIL, (), (f"{role.key} does not exist",))
    name = observed.detail["name"]
    trusting = read_role(account.snapshot, name)
    document = trusting["AssumeRolePolicyDocument"] if trusting else {}
    provider = account.observed(role.provider)
    problems = [] if provider else [f"{role.provider.key} does not exist"]
    problems += [f"{name} {each}" for each in _trust(role, document, role.provider.aws_name(account.snapshot.aws))]
    bucket = account.observed(account.the(Bucket))
    if _deployment_group(account) is None:
        problems.append("there is no deployment group to deploy to")
    if account.params.deploy.source == "s3" and bucket is None:
        problems.append("there is no bucket for the bundle")
    holds = [f"{name} trusts {', '.join(role.subjects)} only"]
    return Finding.of([observed.id, provider.id if provider else "", bucket.id if bucket else ""], problems, holds)


def _trust(role: FederatedRole, document: dict[str, Any], provider: str) -> Iterator[str]:
    """What a trust policy lets in besides the jobs of the repository's environments, and which of those it leaves out.

    https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """
    allowed: set[str] = set()
    for statement in _list(document.get("Statement", [])):
        if statement.get("Effect") != "Allow":
            yield "denies what a push needs"
            continue
        principal = statement.get("Principal")
        trusted = _list(principal.get("Federated", [])) if isinstance(principal, dict) else []
        others = not isinstance(principal, dict) or set(principal) != {"Federated"}
        if others or trusted != [provider]:
            yield f"trusts {principal}"
            continue
        condition = statement.get("Condition", {}).get("StringEquals", {})
        issuer = role.provider.issuer
        subjects = set(_list(condition.get(f"{issuer}:sub", [])))
        if not subjects:
            yield f"trusts every workflow of {issuer} that no exact subject excludes"
        if _list(condition.get(f"{issuer}:aud", [])) != [role.provider.audience]:
            yield "accepts tokens for another audience"
        for subject in sorted(subjects - set(role.subjects)):
            yield f"trusts {subject}"
        allowed |= subjects
    for subject in sorted(set(role.subjects) - allowed):
        yield f"does not trust {subject}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
