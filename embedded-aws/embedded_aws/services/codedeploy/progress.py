"""How a deployment goes on by itself: from Created to an end, a few instances at a time."""

from __future__ import annotations

from typing import Any

from moto.core.utils import utcnow

from embedded_aws import pace
from embedded_aws.account import backends
from embedded_aws.services.codedeploy import configs
from embedded_aws.services.codedeploy.alarms import why_stopped
from embedded_aws.services.codedeploy.deployer import Deployer, Simulation
from embedded_aws.services.codedeploy.deployments import AUTO_SCALING, AUTO_UPDATE, ROLLBACK, USER, brief, create, stop
from embedded_aws.services.codedeploy.instances import instances_of, running
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Event, Fields, Target
from embedded_aws.ticker import run_each

# https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
INSTALL = (
    *("ApplicationStop", "DownloadBundle", "BeforeInstall", "Install"),
    *("AfterInstall", "ApplicationStart", "ValidateService"),
)
BLOCK = ("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic")
# What ignoreApplicationStopFailures is about: events executed from the bundle before.
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
FORGIVABLE = ("ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic")
ALLOW = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")

TOO_MANY_FAILED = (
    "The overall deployment failed because too many individual instances failed deployment, too few healthy instances "
    "are available for deployment, or some instances in your deployment group are experiencing problems."
)
# Which event of an autoRollbackConfiguration an end of a deployment is.
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AutoRollbackConfiguration.html
ROLLED_BACK = {"Failed": "DEPLOYMENT_FAILURE", "Stopped": "DEPLOYMENT_STOP_ON_ALARM"}
NO_INSTANCES = (
    "The deployment failed because no instances were found for your deployment group. Check your deployment group "
    "settings to make sure the tags for your EC2 instances or Auto Scaling groups correctly identify the instances "
    "you want to deploy to, and then try again."
)

deployer: Deployer = Simulation()


def tick() -> bool:
    """Let every deployment take its next step."""
    known = [(backend, one) for backend in backends.existing("codedeploy") for one in backend.deployments.values()]
    return run_each([found for found in known if found[1].status not in ENDED], lambda found: step(*found))


def step(backend: Any, deployment: Deployment) -> bool:
    """Start a deployment, or bring its running targets forward; conclude when none is left. The account has changed."""
    group = backend.deployment_groups[deployment.application_name][deployment.deployment_group_name]
    if deployment.status == "Created":
        _start(deployment, group)
    elif why := why_stopped(deployment, group):
        stop(deployment, "ALARM_ACTIVE", why)
    else:
        config = configs.find(backend, deployment.info["deploymentConfigName"])
        _advance(deployment, config)
        _conclude(deployment, config)
    group["lastAttemptedDeployment"] = brief(deployment)
    if deployment.status == "Succeeded":
        group["lastSuccessfulDeployment"] = brief(deployment)
        group["lastSuccessfulRevision"] = deployment.info["revision"]
        _update_outdated(backend, group, deployment)
    elif deployment.status in ROLLED_BACK:
        _roll_back(backend, group, deployment)
    return True


def _start(deployment: Deployment, group: Fields) -> None:
    option = deployment.info.get("deploymentStyle", {}).get("deploymentOption")
    # An instance that is just being launched is behind no load balancer yet: it needs no taking out.
    in_traffic = option == "WITH_TRAFFIC_CONTROL" and deployment.info["creator"] != AUTO_SCALING
    names = (*BLOCK, *INSTALL, *ALLOW) if in_traffic else INSTALL
    for instance_id in running(deployment.only) if deployment.only else instances_of(group):
        deployment.targets[instance_id] = Target(instance_id, [Event(name) for name in names])
    note = {"additionalDeploymentStatusInfo": deployer.note} if deployer.note else {}
    deployment.info |= {"status": "InProgress", "startTime": utcnow(), **note}
    if not deployment.targets:
        deployment.end("Failed", "NO_INSTANCES", NO_INSTANCES)


def _advance(deployment: Deployment, config: Fields) -> None:
    targets = list(deployment.targets.values())
    room = max(1, len(targets) - configs.must_stay_healthy(config, len(targets)))
    unfinished = [target for target in targets if target.status in ("InProgress", "Pending")]
    # Those that have begun come first in the order of the targets, too.
    for target in unfinished[:room]:
        _advance_target(deployment, target)


def _advance_target(deployment: Deployment, target: Target) -> None:
    target.become("InProgress")
    for event in [event for event in target.events if event.status in ("Pending", "InProgress")]:
        event.status, event.began = "InProgress", event.began or utcnow()
        if _takes_time(target, event):
            return
        outcome = deployer.perform(deployment, target, event.name)
        if outcome is None:
            return
        event.ended, event.diagnostics = utcnow(), outcome.diagnostics()
        event.status = "Succeeded" if outcome.succeeded else "Failed"
        forgiven = event.name in FORGIVABLE and deployment.info.get("ignoreApplicationStopFailures")
        if not outcome.succeeded and not forgiven:
            target.become("Failed")
            return
    target.become("Succeeded")


def _takes_time(target: Target, event: Event) -> bool:
    """Whether an event has not had its share yet of the time that an instance takes at the present pace."""
    share = pace.duration("deployment_per_instance") / len(target.events)
    return event.began is not None and (utcnow() - event.began).total_seconds() < share


def _conclude(deployment: Deployment, config: Fields) -> None:
    """End it when all targets have ended, or when too many have failed.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html#minimum-healthy-hosts
    """
    statuses = [target.status for target in deployment.targets.values()]
    failed, over = statuses.count("Failed"), all(status in ("Succeeded", "Failed") for status in statuses)
    if too_many_failed(config, statuses):
        for target in deployment.targets.values():
            if target.status == "Pending":
                target.become("Skipped")
        if "InProgress" not in statuses:
            deployment.end("Failed", "HEALTH_CONSTRAINTS", TOO_MANY_FAILED)
    elif over and failed < len(statuses):
        deployment.end("Succeeded")


def too_many_failed(config: Fields, statuses: list[str]) -> bool:
    """Whether the healthy hosts have become too few.

    With OneAtATime a failure is forgiven on the last instance only, and never on a single one.
    """
    failed = statuses.count("Failed")
    if failed == len(statuses):
        return True
    if config["minimumHealthyHosts"]["type"] == configs.ONE_AT_A_TIME:
        return "Failed" in statuses[:-1]
    return len(statuses) - failed < configs.must_stay_healthy(config, len(statuses))


def _roll_back(backend: Any, group: Fields, failed: Deployment) -> None:
    """Deploy the last successful revision again, where the failed deployment asks for that.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
    """
    asked, revision = failed.info.get("autoRollbackConfiguration", {}), group.get("lastSuccessfulRevision")
    wanted = asked.get("enabled") and ROLLED_BACK[failed.status] in asked.get("events", [])
    if not wanted or not revision or failed.info["creator"] != USER:
        return
    back = create(backend, group, revision, failed.info, creator=ROLLBACK)
    old, new = failed.deployment_id, back.deployment_id
    told = f"Deployment {old} terminated. Automatic rollback is triggered with a DeploymentId {new}."
    failed.info["rollbackInfo"] = {"rollbackDeploymentId": new, "rollbackMessage": told}
    told = f"Deployment {new} is triggered to roll back deployment {old}."
    back.info["rollbackInfo"] = {"rollbackTriggeringDeploymentId": old, "rollbackMessage": told}


def _update_outdated(backend: Any, group: Fields, done: Deployment) -> None:
    """Deploy to instances that came into service while a deployment went on and were not among its targets.

    outdatedInstancesStrategy in https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html
    """
    if done.info["creator"] == AUTO_SCALING or group["outdatedInstancesStrategy"] != "UPDATE":
        return
    names, revision = (done.application_name, done.deployment_group_name), done.info["revision"]
    same = [one for one in backend.deployments.values() if one.belongs_to(*names) and one.info["revision"] == revision]
    reached = {instance_id for one in same for instance_id in one.targets}
    late = tuple(instance_id for instance_id in instances_of(group) if instance_id not in reached)
    if late:
        update = create(backend, group, revision, done.info, AUTO_UPDATE, late)
        update.info["relatedDeployments"] = {"autoUpdateOutdatedInstancesRootDeploymentId": done.deployment_id}
        done.info["relatedDeployments"] = {"autoUpdateOutdatedInstancesDeploymentIds": [update.deployment_id]}
