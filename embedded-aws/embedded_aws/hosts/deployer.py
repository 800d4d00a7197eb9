"""The seam to CodeDeploy's bookkeeping: lifecycle events performed on the machines of the fleet."""

from __future__ import annotations

from threading import Thread

from embedded_aws.account import backends as world
from embedded_aws.hosts.agent import Order
from embedded_aws.hosts.fleet import Fleet
from embedded_aws.hosts.host_lifecycle import LOST, Resident
from embedded_aws.hosts.traffic import Traffic
from embedded_aws.services.codedeploy.deployer import Outcome, bundle_problem
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Fields, Target

NOT_FROM_GITHUB = "The embedded AWS fetches no bundle from GitHub: deploy one from the environment's bucket."


class Job(Thread):
    """One event on one machine, in a thread of its own."""

    def __init__(self, resident: Resident, event: str, order: Order) -> None:
        super().__init__(name=f"{order.deployment_id} {event}", daemon=True)
        self._do = (resident, event, order)
        self.outcome: Outcome | None = None

    def run(self) -> None:
        """Perform it."""
        resident, event, order = self._do
        self.outcome = resident.perform(event, order)


class FleetDeployer:
    """Performs lifecycle events for real. Called under the lock of the account, it never waits."""

    note = ""

    def __init__(self, fleet: Fleet, traffic: Traffic) -> None:
        self._fleet, self._traffic = fleet, traffic
        self._jobs: dict[tuple[str, str, str], tuple[Resident, Job]] = {}

    def perform(self, deployment: Deployment, target: Target, event: str) -> Outcome | None:
        """Begin an event, or ask how it goes.

        One that was going on when the server was killed begins anew: hooks may be executed twice, as after a reboot.
        """
        resident = self._fleet.resident(target.instance_id)
        if resident is None:
            return None if self._fleet.expects(target.instance_id) else LOST
        if event == "BlockTraffic":
            return self._traffic.block(deployment, target)
        if event == "AllowTraffic":
            return self._traffic.allow(deployment, target)
        return self._on_machine(resident, deployment, event) if resident.booted else None

    def _on_machine(self, resident: Resident, deployment: Deployment, event: str) -> Outcome | None:
        key = (deployment.deployment_id, resident.machine.instance_id, event)
        begun_on, job = self._jobs.get(key, (None, None))
        if job is None or begun_on is not resident:
            if event == "DownloadBundle" and (problem := _problem(deployment.info["revision"])):
                return Outcome("UnknownError", problem)
            job = Job(resident, event, order_of(deployment, event))
            self._forget_ended()
            self._jobs[key] = (resident, job)
            job.start()
        if job.is_alive():
            return None
        del self._jobs[key]
        return job.outcome or LOST

    def _forget_ended(self) -> None:
        """Nobody asks any more how the event goes in which a deployment was stopped."""
        deployments = world.backend("codedeploy").deployments
        for key in list(self._jobs):
            if key[0] not in deployments or deployments[key[0]].status in ENDED:
                del self._jobs[key]


def order_of(deployment: Deployment, event: str) -> Order:
    """What an instance is told; the bundle goes with the event that needs it."""
    group = world.backend("codedeploy").deployment_groups[deployment.application_name][deployment.deployment_group_name]
    place = deployment.info["revision"].get("s3Location", {})
    return Order(
        deployment.deployment_id,
        deployment.application_name,
        deployment.deployment_group_name,
        group["deploymentGroupId"],
        kind=place.get("bundleType") or "zip",
        behavior=deployment.info.get("fileExistsBehavior") or "",
        place=place,
        content=bundle(place) if event == "DownloadBundle" else b"",
    )


def bundle(place: Fields) -> bytes:
    """The bytes of an S3 bundle."""
    found = world.backend("s3").get_object(place["bucket"], place["key"], version_id=place.get("version"))
    return bytes(found.value)


def _problem(revision: Fields) -> str:
    return bundle_problem(revision) if revision.get("s3Location") else NOT_FROM_GITHUB
