"""A host for tests, and requests to its port."""

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from embedded_aws.hosts.agent import AgentCommand
from embedded_aws.hosts.host import Host, choose_port
from embedded_aws.hosts.host_lifecycle import ManagedHost
from embedded_aws.load_balancer.probe import AGENT
from runbook_lib.params import load
from runbook_lib.stacks.user_data import web_server

EVENTS = (
    *("ApplicationStop", "DownloadBundle", "BeforeInstall", "Install"),
    *("AfterInstall", "ApplicationStart", "ValidateService"),
)


def user_data(root: Path) -> str:
    """Return the user data of the real web servers."""
    return web_server(load(root / "params" / "local.yaml"), "/local/web/config")


def answer(port, path="/healthz", agent="a browser"):
    """Return status and body of a request; status 0 where nothing listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"User-Agent": agent})
    try:
        with urllib.request.urlopen(request, timeout=5) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, HTTPException) as error:  # also one that is stopped while it answers
        return 0, str(error)


class HostUnderTest:
    """A host that the test boots and deploys to."""

    def __init__(
        self, folder, registry, instance_id="i-0123456789abcdef0", extra_environment=dict, ca_pem=str, endpoint=""
    ):
        where = folder / instance_id
        endpoint = endpoint or "http://127.0.0.1:1"
        host = Host(instance_id, "us-west-2b", where, choose_port(where, []), endpoint, extra_environment)
        self.host, self.managed, self.running = host, ManagedHost(host, registry, ca_pem), registry.running

    def perform(self, event, content=b"", deployment="d-AAAAAAAAA", **more):
        order = AgentCommand(deployment, "app", "web", "group-1", content=content, **more)
        return self.managed.perform(event, order)

    def deploy(self, content, deployment="d-AAAAAAAAA", **more):
        """Run all events until one fails; return the last event's name and outcome."""
        for event in EVENTS:
            outcome = self.perform(event, content if event == "DownloadBundle" else b"", deployment, **more)
            if not outcome.succeeded:
                break
        return event, outcome

    def answer(self, path="/healthz"):
        return answer(self.host.port, path)

    def check(self, path="/healthz"):
        """What the load balancer's health check gets."""
        return answer(self.host.port, path, AGENT)

    def log(self, deployment="d-AAAAAAAAA"):
        return (self.host.folder / "deployments" / deployment / "logs" / "scripts.log").read_text()
