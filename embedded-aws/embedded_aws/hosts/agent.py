"""CodeDeploy's agent on one instance: performs one lifecycle event after the other.

https://github.com/aws/aws-codedeploy-agent (lib/instance_agent/plugins/codedeploy/command_executor.rb)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from embedded_aws.faults.hooks import hook_fault
from embedded_aws.hosts import bundles
from embedded_aws.hosts.appspec import AppSpec, AppSpecError
from embedded_aws.hosts.bundles import BundleError
from embedded_aws.hosts.hooks import Hooks
from embedded_aws.hosts.host import Machine
from embedded_aws.hosts.install import InstallError, install
from embedded_aws.hosts.services import Services
from embedded_aws.process_registry import Ledger
from embedded_aws.services.codedeploy.deployer import Outcome

#: Executed from the bundle before: the new one is not there yet.
OF_LAST = ("BeforeBlockTraffic", "AfterBlockTraffic", "ApplicationStop")
OF_CURRENT = (
    *("BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"),
    *("BeforeAllowTraffic", "AfterAllowTraffic"),
)
ARCHIVES_KEPT = 5
BUNDLE = ("bucket", "key", "version", "eTag")

# Where the application finds the certificates that it trusts besides the system's.
TRUST_STORE = "opt/webapp/certs/rds-roots.pem"


@dataclass(frozen=True)
class Order:
    """What an instance is told to do for a deployment."""

    deployment_id: str
    application: str
    group: str
    group_id: str
    kind: str = "zip"
    behavior: str = ""
    place: dict[str, str] = field(default_factory=dict)
    """Where in S3 the bundle is, as CodeDeploy's s3Location."""
    content: bytes = field(default=b"", repr=False)
    """The bundle; only for DownloadBundle."""

    def environment(self, event: str) -> dict[str, str]:
        """https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html."""
        return {
            "LIFECYCLE_EVENT": event,
            "DEPLOYMENT_ID": self.deployment_id,
            "APPLICATION_NAME": self.application,
            "DEPLOYMENT_GROUP_NAME": self.group,
            "DEPLOYMENT_GROUP_ID": self.group_id,
            **{f"BUNDLE_{name.upper()}": self.place[name] for name in BUNDLE if self.place.get(name)},
        }


class Agent:
    """Performs events on one instance. `ca_pem` is what its trust store gets beside the bundle's own roots."""

    def __init__(self, machine: Machine, ledger: Ledger, services: Services, ca_pem: Callable[[], str] = str) -> None:
        self._machine, self._services, self._ca_pem = machine, services, ca_pem
        self._hooks = Hooks(machine, ledger)
        self._home = machine.folder / "deployments"

    def perform(self, event: str, order: Order) -> Outcome:
        """Perform an event to its end, however long that takes; never raises what a bundle can cause."""
        if on_request := hook_fault(event, self._machine.instance_id, self._machine.zone):
            return self._hooks.fail(self._home / order.deployment_id, event, on_request)
        try:
            if event == "DownloadBundle":
                return self._download(order)
            if event == "Install":
                return self._install(order)
            return self._execute(event, order)
        except (AppSpecError, BundleError, InstallError, ValueError, OSError) as error:
            return Outcome("UnknownError", str(error))

    def restart(self) -> Outcome:
        """Start the application that is installed, after the instance has been down; nothing where there is none."""
        last = self._last()
        if last is None:
            return Outcome()
        self._services.give_way()
        return self._run(self._archive(last.deployment_id), "ApplicationStart", last)

    @property
    def installed(self) -> bool:
        """Whether a bundle has been installed."""
        return self._last() is not None

    def _download(self, order: Order) -> Outcome:
        self._tidy(order.deployment_id)
        bundles.unpack(order.content, order.kind, self._archive(order.deployment_id))
        return Outcome(message="Succeeded")

    def _install(self, order: Order) -> Outcome:
        archive = self._archive(order.deployment_id)
        spec = _checked(bundles.appspec_of(archive))
        install(self._machine, spec, archive, self._home / f"{order.group_id}-cleanup.json", order.behavior)
        self._trust()
        self._note(order).write_text(json.dumps({**asdict(order), "content": ""}), encoding="utf-8")
        return Outcome(message="Succeeded")

    def _execute(self, event: str, order: Order) -> Outcome:
        if event == "ApplicationStart":
            self._services.give_way()
        last = self._last(order.group_id) if event in OF_LAST else order
        if last is None:
            return Outcome(message="Succeeded")  # the first deployment finds nothing to stop
        return self._run(self._archive(last.deployment_id), event, order)

    def _run(self, archive: Path, event: str, order: Order) -> Outcome:
        scripts = bundles.appspec_of(archive).hooks.get(event, ())
        return self._hooks.run(archive, event, scripts, order.environment(event), self._home / order.deployment_id)

    def _trust(self) -> None:
        """Let the application trust what the rehearsal's own authority has signed, as it trusts Amazon's."""
        store, pem = self._machine.path(TRUST_STORE), self._ca_pem()
        if pem and store.is_file() and pem not in (before := store.read_text(encoding="utf-8")):
            store.write_text(f"{before.rstrip()}\n{pem}", encoding="utf-8")

    def _archive(self, deployment_id: str) -> Path:
        return self._home / deployment_id / "deployment-archive"

    def _note(self, order: Order) -> Path:
        return self._home / f"{order.group_id}-last-install.json"

    def _last(self, group_id: str = "*") -> Order | None:
        """What was installed last; the agent takes an Install that succeeded for that, whatever came after."""
        notes = sorted(self._home.glob(f"{group_id}-last-install.json"), key=lambda path: path.stat().st_mtime)
        if not notes:
            return None
        return Order(**{**json.loads(notes[-1].read_text(encoding="utf-8")), "content": b""})

    def _tidy(self, arriving: str) -> None:
        """Keep the last few bundles, and what is installed, beside the one that arrives."""
        installed = {json.loads(note.read_text())["deployment_id"] for note in self._home.glob("*-last-install.json")}
        others = (path for path in self._home.iterdir() if path.is_dir() and path.name != arriving)
        folders = sorted(others, key=lambda path: path.stat().st_mtime)
        for folder in folders[: -ARCHIVES_KEPT + 1]:
            if folder.name not in installed:
                shutil.rmtree(folder)


def _checked(spec: AppSpec) -> AppSpec:
    unknown = [event for event in spec.hooks if event not in (*OF_LAST, *OF_CURRENT)]
    if unknown:
        raise AppSpecError(f"appspec.yml file contains unknown lifecycle events: {json.dumps(unknown)}")
    return spec
