"""The progress of deployments: from Created to a final status, a few instances at a time."""

from __future__ import annotations

from typing import Any

from moto.core.utils import utcnow

from embedded_aws import pace
from embedded_aws.account import backends
from embedded_aws.services.codedeploy import configs
from embedded_aws.services.codedeploy.alarms import alarm_reason
from embedded_aws.services.codedeploy.deployer import Deployer, Simulation
from embedded_aws.services.codedeploy.deployments import (
    AUTO_SCALING,
    AUTO_UPDATE,
    ROLLBACK,
    USER,
    create,
    stop,
    summarize,
)
from embedded_aws.services.codedeploy.instances import instances_of, running_instances
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Event, Fields, Target
from embedded_aws.services.codedeploy.notices import publish_state
from embedded_aws.ticker import run_each

# https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
INSTALL = (
    *("ApplicationStop", "DownloadBundle", "BeforeInstall", "Install"),
    *("AfterInstall", "ApplicationStart", "ValidateService"),
)
BLOCK = ("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic")
# Events that run scripts of the previous bundle; ignoreApplicationStopFailures ignores their failures.
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
IGNORABLE = ("ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic")
ALLOW = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")

TOO_MANY_FAILED = (
    "The overall deployment failed because too many individual instances failed deployment, too few healthy instances "
    "are available for deployment, or some instances in your deployment group are experiencing problems."
)
# Final status -> event of an autoRollbackConfiguration.
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AutoRollbackConfiguration.html
ROLLBACK_EVENTS = {"Failed": "DEPLOYMENT_FAILURE", "Stopped": "DEPLOYMENT_STOP_ON_ALARM"}
NO_INSTANCES = (
    "The deployment failed because no instances were found for your deployment group. Check your deployment group "
    "settings to make sure the tags for your EC2 instances or Auto Scaling groups correctly identify the instances "
    "you want to deploy to, and then try again."
)

deployer: Deployer = Simulation()


def tick() -> bool:
    """Advance every deployment; return whether the account has changed."""
    deployments = [
        (backend, one) for backend in backends.existing("codedeploy") for one in backend.deployments.values()
    ]
    active = [(backend, one) for backend, one in deployments if one.status not in ENDED]
    return run_each(active, lambda pair: step(*pair))


def step(backend: Any, deployment: Deployment) -> bool:
    """Start a deployment, or advance its targets and end it when none is left; return True, the account has changed."""
    group = backend.deployment_groups[deployment.application_name][deployment.deployment_group_name]
    before = deployment.status
    if deployment.status == "Created":
        _start(deployment, group)
    elif reason := alarm_reason(deployment, group):
        stop(deployment, "ALARM_ACTIVE", reason)
    else:
        config = configs.find(backend, deployment.info["deploymentConfigName"])
        _advance(deployment, config)
        _conclude(deployment, config)
    group["lastAttemptedDeployment"] = summarize(deployment)
    if deployment.status == "Succeeded":
        group["lastSuccessfulDeployment"] = summarize(deployment)
        group["lastSuccessfulRevision"] = deployment.info["revision"]
        _update_outdated(backend, group, deployment)
    elif deployment.status in ROLLBACK_EVENTS:
        _roll_back(backend, group, deployment)
    if deployment.status != before:
        publish_state(backend, group, deployment)
    return True


def _start(deployment: Deployment, group: Fields) -> None:
    option = deployment.info.get("deploymentStyle", {}).get("deploymentOption")
    # An instance that Auto Scaling is launching is not behind a load balancer yet.
    in_traffic = option == "WITH_TRAFFIC_CONTROL" and deployment.info["creator"] != AUTO_SCALING
    names = (*BLOCK, *INSTALL, *ALLOW) if in_traffic else INSTALL
    for instance_id in running_instances(deployment.only) if deployment.only else instances_of(group):
        deployment.targets[instance_id] = Target(instance_id, [Event(name) for name in names])
    note = {"additionalDeploymentStatusInfo": deployer.note} if deployer.note else {}
    deployment.info |= {"status": "InProgress", "startTime": utcnow(), **note}
    if not deployment.targets:
        deployment.end("Failed", "NO_INSTANCES", NO_INSTANCES)


def _advance(deployment: Deployment, config: Fields) -> None:
    targets = list(deployment.targets.values())
    max_in_progress = max(1, len(targets) - configs.min_healthy_hosts(config, len(targets)))
    unfinished = [target for target in targets if target.status in ("InProgress", "Pending")]
    # Targets in progress come first in this order, too.
    for target in unfinished[:max_in_progress]:
        _advance_target(deployment, target)


def _advance_target(deployment: Deployment, target: Target) -> None:
    target.set_status("InProgress")
    for event in [event for event in target.events if event.status in ("Pending", "InProgress")]:
        event.status, event.began = "InProgress", event.began or utcnow()
        if _takes_time(target, event):
            return
        outcome = deployer.perform(deployment, target, event.name)
        if outcome is None:
            return
        event.ended, event.diagnostics = utcnow(), outcome.diagnostics()
        event.status = "Succeeded" if outcome.succeeded else "Failed"
        ignored = event.name in IGNORABLE and deployment.info.get("ignoreApplicationStopFailures")
        if not outcome.succeeded and not ignored:
            target.set_status("Failed")
            return
    target.set_status("Succeeded")


def _takes_time(target: Target, event: Event) -> bool:
    """Return whether an event still has to last, so that all of an instance's take their time at the present pace.

    What hooks take, and the load balancer until it finds the instance healthy, is part of that time; the last event
    ends with it.
    """
    names = [each.name for each in target.events]
    whole, waiting = pace.duration("deployment_per_instance"), ALLOW[1]
    others = [name for name in names if name != waiting]
    share = max(0.0, whole - (pace.duration("target_health") if waiting in names else 0.0)) / len(others)
    before = share * sum(name != waiting for name in names[: names.index(event.name) + 1])
    due = whole if event.name == names[-1] else before
    began = target.events[0].began
    return began is not None and (utcnow() - began).total_seconds() < due


def _conclude(deployment: Deployment, config: Fields) -> None:
    """End the deployment when all targets have ended, or when too many have failed.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html#minimum-healthy-hosts
    """
    statuses = [target.status for target in deployment.targets.values()]
    failed, all_ended = statuses.count("Failed"), all(status in ("Succeeded", "Failed") for status in statuses)
    if too_many_failed(config, statuses):
        for target in deployment.targets.values():
            if target.status == "Pending":
                target.set_status("Skipped")
        if "InProgress" not in statuses:
            deployment.end("Failed", "HEALTH_CONSTRAINTS", TOO_MANY_FAILED)
    elif all_ended and failed < len(statuses):
        deployment.end("Succeeded")


def too_many_failed(config: Fields, statuses: list[str]) -> bool:
    """Return whether too few hosts are healthy.

    With OneAtATime a failure is tolerated only on the last instance, and never on a single one.
    """
    failed = statuses.count("Failed")
    if failed == len(statuses):
        return True
    if config["minimumHealthyHosts"]["type"] == configs.ONE_AT_A_TIME:
        return "Failed" in statuses[:-1]
    return len(statuses) - failed < configs.min_healthy_hosts(config, len(statuses))


def _roll_back(backend: Any, group: Fields, failed: Deployment) -> None:
    """Deploy the last successful revision again if the failed deployment is configured so.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
    """
    config, revision = failed.info.get("autoRollbackConfiguration", {}), group.get("lastSuccessfulRevision")
    wanted = config.get("enabled") and ROLLBACK_EVENTS[failed.status] in config.get("events", [])
    if not wanted or not revision or failed.info["creator"] != USER:
        return
    rollback = create(backend, group, revision, failed.info, creator=ROLLBACK)
    old, new = failed.deployment_id, rollback.deployment_id
    message = f"Deployment {old} terminated. Automatic rollback is triggered with a DeploymentId {new}."
    failed.info["rollbackInfo"] = {"rollbackDeploymentId": new, "rollbackMessage": message}
    message = f"Deployment {new} is triggered to roll back deployment {old}."
    rollback.info["rollbackInfo"] = {"rollbackTriggeringDeploymentId": old, "rollbackMessage": message}


def _update_outdated(backend: Any, group: Fields, done: Deployment) -> None:
    """Deploy to instances that came into service during a deployment and were not among its targets.

    outdatedInstancesStrategy in https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html
    """
    if done.info["creator"] == AUTO_SCALING or group["outdatedInstancesStrategy"] != "UPDATE":
        return
    names, revision = (done.application_name, done.deployment_group_name), done.info["revision"]
    same = [one for one in backend.deployments.values() if one.belongs_to(*names) and one.info["revision"] == revision]
    reached = {instance_id for one in same for instance_id in one.targets}
    outdated = tuple(instance_id for instance_id in instances_of(group) if instance_id not in reached)
    if outdated:
        update = create(backend, group, revision, done.info, AUTO_UPDATE, outdated)
        update.info["relatedDeployments"] = {"autoUpdateOutdatedInstancesRootDeploymentId": done.deployment_id}
        done.info["relatedDeployments"] = {"autoUpdateOutdatedInstancesDeploymentIds": [update.deployment_id]}
