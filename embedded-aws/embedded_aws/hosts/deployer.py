"""Run the lifecycle events of CodeDeploy's deployments on the hosts of the fleet."""

from __future__ import annotations

from threading import Thread

from moto.core.utils import utcnow

from embedded_aws import pace
from embedded_aws.account import backends
from embedded_aws.hosts.agent import AgentCommand
from embedded_aws.hosts.fleet import Fleet
from embedded_aws.hosts.host_lifecycle import LOST, ManagedHost
from embedded_aws.hosts.traffic import Traffic
from embedded_aws.services.codedeploy.deployer import Outcome, bundle_problem
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Fields, Target

AGENT_TIMEOUT = 3600.0
NOT_FROM_GITHUB = "The embedded AWS does not fetch bundles from GitHub: deploy one from the environment's bucket."


class Job(Thread):
    """One event on one host, in a thread of its own."""

    def __init__(self, host: ManagedHost, event: str, command: AgentCommand) -> None:
        super().__init__(name=f"{command.deployment_id} {event}", daemon=True)
        self._arguments = (host, event, command)
        self.outcome: Outcome | None = None

    def run(self) -> None:
        """Run the event."""
        host, event, command = self._arguments
        self.outcome = host.perform(event, command)


class FleetDeployer:
    """Runs lifecycle events on hosts. It is called with the lock of the account held, and never waits."""

    note = ""

    def __init__(self, fleet: Fleet, traffic: Traffic) -> None:
        self._fleet, self._traffic = fleet, traffic
        self._jobs: dict[tuple[str, str, str], tuple[ManagedHost, Job]] = {}

    def perform(self, deployment: Deployment, target: Target, event: str) -> Outcome | None:
        """Start an event, or return its outcome; None while it is running.

        An event that was running when the server was killed starts again: its hooks may run twice, as after a reboot.
        """
        host = self._fleet.get(target.instance_id)
        if host is None:
            return None if self._fleet.expects(target.instance_id) else LOST
        if event == "BlockTraffic":
            return self._traffic.block(deployment, target)
        if event == "AllowTraffic":
            return self._traffic.allow(deployment, target)
        if host.booted and not host.has_agent:
            return self._await_agent(target, event)
        return self._run_job(host, deployment, event) if host.booted else None

    def _await_agent(self, target: Target, event: str) -> Outcome | None:
        """ "CodeDeploy has a one-hour timeout for the CodeDeploy agent to respond to pending deployments".

        https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-auto-scaling.html
        """
        began = next(each.began for each in target.events if each.name == event)
        waited = (utcnow() - began).total_seconds() if began else 0.0
        return LOST if waited >= AGENT_TIMEOUT * pace.current_factor() else None

    def _run_job(self, host: ManagedHost, deployment: Deployment, event: str) -> Outcome | None:
        key = (deployment.deployment_id, host.host.instance_id, event)
        job_host, job = self._jobs.get(key, (None, None))
        if job is None or job_host is not host:
            if event == "DownloadBundle" and (problem := _location_problem(deployment.info["revision"])):
                return Outcome("UnknownError", problem)
            job = Job(host, event, command_of(deployment, event))
            self._drop_jobs_of_ended_deployments()
            self._jobs[key] = (host, job)
            job.start()
        if job.is_alive():
            return None
        del self._jobs[key]
        return job.outcome or LOST

    def _drop_jobs_of_ended_deployments(self) -> None:
        """Drop the jobs of deployments that were stopped while an event was running."""
        deployments = {
            name: one for each in backends.everywhere("codedeploy") for name, one in each.deployments.items()
        }
        for key in list(self._jobs):
            if key[0] not in deployments or deployments[key[0]].status in ENDED:
                del self._jobs[key]


def command_of(deployment: Deployment, event: str) -> AgentCommand:
    """Return what the agent needs for an event; the bundle only for the event that downloads it."""
    group = backends.backend("codedeploy").deployment_groups[deployment.application_name][
        deployment.deployment_group_name
    ]
    place = deployment.info["revision"].get("s3Location", {})
    return AgentCommand(
        deployment.deployment_id,
        deployment.application_name,
        deployment.deployment_group_name,
        group["deploymentGroupId"],
        kind=place.get("bundleType") or "zip",
        behavior=deployment.info.get("fileExistsBehavior") or "",
        place=place,
        content=read_bundle(place) if event == "DownloadBundle" else b"",
    )


def read_bundle(place: Fields) -> bytes:
    """Return the bytes of an S3 bundle."""
    stored = backends.backend("s3").get_object(place["bucket"], place["key"], version_id=place.get("version"))
    return bytes(stored.value)


def _location_problem(revision: Fields) -> str:
    return bundle_problem(revision) if revision.get("s3Location") else NOT_FROM_GITHUB
