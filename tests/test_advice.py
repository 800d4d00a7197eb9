"""What an operator is advised to do: it fits where it is read, and loses no data."""

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import runbook_lib
from embedded_aws.cli.status import status_lines
from runbook_lib import paths
from runbook_lib.aws.error_translation import raise_if_partly_rejected
from runbook_lib.cli import main as cli
from runbook_lib.cli.verbs import _failure_text
from runbook_lib.errors import EvidenceError, ParamsError, RequestRejected, WrongUsage
from runbook_lib.evidence.attestation.keys import load_private_key
from runbook_lib.params import load
from runbook_lib.resources.base import Resource
from runbook_lib.runs.runner import Job, Progress

LIBRARY = Path(runbook_lib.__file__).parent
AWKWARD = 'it\'s a "run book"'


def advice():
    """The texts of each ``fix=`` in the library, by the module in which it is written."""
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "fix":
                texts = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
                yield str(path.relative_to(LIBRARY)), " ".join(map(str, texts))


ADVICE = [*advice()]
ONLY_IN_A_NOTEBOOK = r"[Tt]his cell|[Rr]estart the kernel|cell again"
KINDS = sorted(
    {
        cls
        for path in (LIBRARY / "resources").glob("*.py")
        for cls in vars(importlib.import_module(f"runbook_lib.resources.{path.stem}")).values()
        if isinstance(cls, type) and issubclass(cls, Resource)
    },
    key=lambda cls: cls.__name__,
)


def test_there_is_advice_to_look_at():
    assert len(ADVICE) > 80
    assert len(KINDS) > 40


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (ONLY_IN_A_NOTEBOOK, "runs/kernel/"),  # the command shows the same errors, and has no cells
        (r"papermill", "runs/kernel/parameters.py"),  # only where papermill gave the value
        (r"[Dd]estroy this|then destroy$", "-"),
        (r"[Ss]ee above", "-"),
    ],
)
def test_advice_is_of_the_place_where_it_is_read(words, where):
    assert [(module, text) for module, text in ADVICE if re.search(words, text) and not module.startswith(where)] == []


def test_what_still_uses_a_resource_may_be_an_orphan_of_ours():
    """A cache that sessions left stands in the private subnets, with our tags."""
    item = {"ResourceId": "subnet-1", "Error": {"Code": "DependencyViolation", "Message": "has dependencies"}}
    with pytest.raises(RequestRejected) as caught:
        raise_if_partly_rejected("DeleteSubnet", {"Unsuccessful": [item]})
    assert "orphan" in caught.value.fix
    assert "outside this runbook" not in caught.value.fix


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_advised_to_destroy_what_failed(kind):
    """A release has rolled back by itself, and a database may come back with its zone."""
    text = re.sub(r"Do not destroy it|There is nothing to destroy", "", kind.if_failed)
    assert "destroy" not in text
    if "delete it" in text:
        assert re.search("no data|sessions|gateway", text)


@pytest.fixture
def awkward(tmp_path):
    folder = tmp_path / AWKWARD
    folder.mkdir()
    return folder


def command(text, name):
    """The words of the command in a text, as a shell reads them."""
    line = next(line for line in text.splitlines() if name in line)
    return shlex.split(line[line.index(name) :])


def test_a_command_for_a_file_can_be_pasted_from_any_folder(awkward):
    key = awkward / "key.pem"
    key.write_text("")
    key.chmod(0o644)
    with pytest.raises(EvidenceError) as error:
        load_private_key(key)
    assert command(str(error.value), "chmod 600") == ["chmod", "600", str(key)]


def test_a_parameter_file_that_cannot_be_read_is_named_for_a_shell(awkward, monkeypatch):
    file = awkward / "dev.yaml"
    file.write_text("")

    def refuse(*_args, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ParamsError) as error:
        load(file)
    assert command(str(error.value), "chmod u+r") == ["chmod", "u+r", str(file)]


def test_the_site_can_be_asked_from_any_folder(awkward):
    certificate = awkward / "ca.pem"
    site = {"url": "https://it.test/", "balancer": "web", "standing": "", "certificate": str(certificate)}
    lines = status_lines({"sites": [site], "instances": [], "deployments": [], "databases": [], "caches": []})
    text = "\n".join(lines).partition("Instances")[0].replace("\\\n", "")  # as a shell reads it
    assert shlex.split(text[text.index("curl") :]) == ["curl", "--cacert", str(certificate), "https://it.test/"]


def test_the_status_fits_a_terminal_of_eighty_columns():
    """Its longest lines: the command for a site of a long path, and a deployment's error."""
    certificate = "/home/ann/projects/our-runbook/.local-aws/certificates/ca.pem"
    site = {"url": "https://it.test:8443/", "balancer": "local-web", "standing": "3 of 3 healthy"}
    error = "HEALTH_CONSTRAINTS: The overall deployment failed because too many individual instances failed deployment"
    deployment = {"id": "d-ABCDEFGHI", "group": "local-web", "status": "Failed", "creator": "user", "error": error}
    database = {"name": "local-database", "status": "available", "endpoint": "127.0.0.1:33061", "what": "MariaDB " * 9}
    status = {"sites": [site | {"certificate": certificate}], "instances": [], "deployments": [deployment]}
    lines = list(status_lines(status | {"databases": [database], "caches": []}))
    assert [line for line in lines if len(line) > 80] == []
    text = "\n".join(lines).replace("\\\n", "")
    assert shlex.split(text[text.index("curl") : text.index("Instances")])[2:] == [certificate, site["url"]]
    assert error.split() == text[text.index("HEALTH") : text.index("Databases")].split()


def test_the_notebook_of_a_failure_can_be_opened_from_any_folder(awkward):
    job = Job(awkward, awkward, "run-1", {"env": "local", "mode": "apply"}, ("01_network",), {})
    progress = Progress("01_network", state="failed", cell=3, section="VPC", error="Failed", why="it broke")
    *_, name = command(_failure_text(job, progress), "The executed notebook:")
    assert name == f"{job.folder / '01_network'}.ipynb"


def test_outside_a_checkout_three_lines_say_so_and_what_to_do(awkward, monkeypatch):
    """An installed package has no notebooks of its own."""
    monkeypatch.setattr(paths, "__file__", str(awkward / "lib" / "runbook_lib" / "paths.py"))
    monkeypatch.delenv("RUNBOOK_ROOT", raising=False)
    monkeypatch.chdir(awkward)
    with pytest.raises(WrongUsage):
        paths.checkout()
    result = CliRunner().invoke(cli.main, ["plan", "--env", "local"])
    first, second, third = result.stderr.splitlines()
    assert result.exit_code == 2
    assert first.startswith(f"WrongUsage: {shlex.quote(str(awkward))} is not a checkout of the runbook")
    assert second == "  → Go to a checkout (cd FOLDER) and run this again, or name it: export RUNBOOK_ROOT=FOLDER"
    assert third.startswith("  → There is none yet? `runbook init FOLDER`")
