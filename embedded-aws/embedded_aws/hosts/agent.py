"""CodeDeploy's agent on one instance: runs one lifecycle event after the other.

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
from embedded_aws.hosts.host import Host
from embedded_aws.hosts.install import InstallError, install
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.services.codedeploy.deployer import Outcome

#: Run from the previous bundle: the new one is not downloaded yet.
OF_LAST = ("BeforeBlockTraffic", "AfterBlockTraffic", "ApplicationStop")
OF_CURRENT = (
    *("BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"),
    *("BeforeAllowTraffic", "AfterAllowTraffic"),
)
ARCHIVES_KEPT = 5
BUNDLE = ("bucket", "key", "version", "eTag")

# Amazon RDS's roots, where the runbook's bundles have them.
TRUST_STORE = "opt/runbook/certs/rds-roots.pem"


@dataclass(frozen=True)
class AgentCommand:
    """What the agent needs to run the events of a deployment."""

    deployment_id: str
    application: str
    group: str
    group_id: str
    kind: str = "zip"
    behavior: str = ""
    place: dict[str, str] = field(default_factory=dict)
    """Where the bundle is in S3, as CodeDeploy's s3Location."""
    content: bytes = field(default=b"", repr=False)
    """The bundle's bytes; for DownloadBundle only."""

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
    """Runs events on one instance. `ca_pem` returns a certificate for its trust store, beside the bundle's roots."""

    def __init__(self, host: Host, registry: ProcessRegistry, ca_pem: Callable[[], str] = str) -> None:
        self._host, self._ca_pem = host, ca_pem
        self._hooks = Hooks(host, registry)
        self._home = host.folder / "deployments"

    def perform(self, event: str, command: AgentCommand) -> Outcome:
        """Run an event to its end, however long that takes; an error of the bundle is an outcome, not an exception."""
        self._host.write_agent_log(f"{command.deployment_id}: {event} begins")
        outcome = self._perform(event, command)
        end = "succeeded" if outcome.succeeded else f"failed: {outcome.code} {outcome.message}"
        self._host.write_agent_log(f"{command.deployment_id}: {event} {end}")
        return outcome

    def _perform(self, event: str, command: AgentCommand) -> Outcome:
        if reason := hook_fault(event, self._host.instance_id, self._host.zone):
            return self._hooks.fail(self._home / command.deployment_id, event, reason)
        try:
            if event == "DownloadBundle":
                return self._download(command)
            if event == "Install":
                return self._install(command)
            return self._run_hook(event, command)
        except (AppSpecError, BundleError, InstallError, ValueError, OSError) as error:
            return Outcome("UnknownError", str(error))

    def _download(self, command: AgentCommand) -> Outcome:
        self._delete_old_archives(command.deployment_id)
        bundles.unpack(command.content, command.kind, self._archive(command.deployment_id))
        return Outcome(message="Succeeded")

    def _install(self, command: AgentCommand) -> Outcome:
        archive = self._archive(command.deployment_id)
        spec = _check_events(bundles.appspec_of(archive))
        install(self._host, spec, archive, self._home / f"{command.group_id}-cleanup.json", command.behavior)
        self._add_trust()
        self._last_install_file(command).write_text(json.dumps({**asdict(command), "content": ""}), encoding="utf-8")
        return Outcome(message="Succeeded")

    def _run_hook(self, event: str, command: AgentCommand) -> Outcome:
        last = self._last_installed(command.group_id) if event in OF_LAST else command
        if last is None:
            return Outcome(message="Succeeded")  # the first deployment has nothing to stop
        return self._run(self._archive(last.deployment_id), event, command)

    def _run(self, archive: Path, event: str, command: AgentCommand) -> Outcome:
        scripts = bundles.appspec_of(archive).hooks.get(event, ())
        return self._hooks.run(archive, event, scripts, command.environment(event), self._home / command.deployment_id)

    def _add_trust(self) -> None:
        """Add the local certificate authority to the application's trust store."""
        store, pem = self._host.path(TRUST_STORE), self._ca_pem()
        if pem and store.is_file() and pem not in (before := store.read_text(encoding="utf-8")):
            store.write_text(f"{before.rstrip()}\n{pem}", encoding="utf-8")

    def _archive(self, deployment_id: str) -> Path:
        return self._home / deployment_id / "deployment-archive"

    def _last_install_file(self, command: AgentCommand) -> Path:
        return self._home / f"{command.group_id}-last-install.json"

    def _last_installed(self, group_id: str) -> AgentCommand | None:
        """Return the last deployment whose Install succeeded, even if a later event failed, as the agent does."""
        file = self._home / f"{group_id}-last-install.json"
        if not file.exists():
            return None
        return AgentCommand(**{**json.loads(file.read_text(encoding="utf-8")), "content": b""})

    def _delete_old_archives(self, current: str) -> None:
        """Delete all bundles but the last few, the installed one and the current one."""
        installed = {json.loads(file.read_text())["deployment_id"] for file in self._home.glob("*-last-install.json")}
        others = (path for path in self._home.iterdir() if path.is_dir() and path.name != current)
        folders = sorted(others, key=lambda path: path.stat().st_mtime)
        for folder in folders[: -ARCHIVES_KEPT + 1]:
            if folder.name not in installed:
                shutil.rmtree(folder)


def _check_events(spec: AppSpec) -> AppSpec:
    unknown = [event for event in spec.hooks if event not in (*OF_LAST, *OF_CURRENT)]
    if unknown:
        raise AppSpecError(f"appspec.yml file contains unknown lifecycle events: {json.dumps(unknown)}")
    return spec
