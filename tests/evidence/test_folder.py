"""The folder of a run has fixed paths, and a plan is found by its fingerprint."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.engine.approval import find_plan
from runbook_lib.engine.plan import make_plan
from runbook_lib.evidence.folder import RunFolder
from tests.support.fake_kinds import Thing, stack_of


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "artifacts" / "test", "run-1", "01_network")


def plan(**sizes):
    return make_plan(stack_of(*(Thing(name=name, size=size) for name, size in sizes.items())), {}, scope="test/1/r")


def test_no_empty_folders_are_created(folder):
    """A run that is refused at its start leaves no folder for plans or tables."""
    assert not folder.path.exists()


def test_a_plan_file_has_its_metadata_and_every_change(folder):
    first = plan(a=1, b=2)
    path = folder.write_plan(first, run="run-1", caller="arn:me", change="CHG1", verb="apply")
    assert path == folder.path / "plans" / f"01_network-apply-{first.fingerprint}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert {name: content[name] for name in ("notebook", "caller", "change", "run", "verb", "fingerprint")} == {
        "notebook": "01_network", "caller": "arn:me", "change": "CHG1", "run": "run-1", "verb": "apply",
        "fingerprint": first.fingerprint,
    }  # fmt: skip
    assert abs(datetime.fromisoformat(content["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert [change["key"] for change in content["plan"]["changes"]] == ["thing.a", "thing.b"]


def test_an_approved_plan_is_found_by_its_fingerprint_alone(folder):
    """Among those of all runs of the environment."""
    first, other = plan(a=1), plan(a=2)
    for each in (first, other):
        folder.write_plan(each, verb="apply")
    later = RunFolder(folder.environment, "run-2", "01_network")
    assert find_plan(later.environment, first.fingerprint) == first.as_dict()
    assert find_plan(later.environment, "0" * 16) is None


def test_apply_and_destroy_have_different_plan_files(folder):
    first = plan(a=1)
    assert folder.write_plan(first, verb="apply") != folder.write_plan(first, verb="destroy")


def test_the_same_plan_twice_is_one_file(folder):
    first = plan(a=1)
    assert folder.write_plan(first, verb="apply") == folder.write_plan(first, verb="apply")
    assert len(list(folder.path.glob("plans/*"))) == 1


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("network.subnets", "01_network-subnets.csv"),
        ("network.vpc + network.nat", "01_network-vpc-nat.csv"),
        ("../../etc/passwd", "01_network-etc-passwd.csv"),
        ("x" * 300, f"01_network-{'x' * 150}.csv"),
    ],
)
def test_a_table_has_a_portable_file_name(folder, part, file):
    """It is inside the run's folder, whatever the name."""
    path = folder.table_path(part)
    assert path == folder.path / "tables" / file
    path.write_text("")


def test_the_notebooks_of_a_run_share_one_journal_and_name_each_line(folder):
    other = RunFolder(folder.environment, "run-1", "02_data")
    folder.journal().write("open")
    other.journal().write("open")
    lines = (folder.path / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["notebook"] for line in lines] == ["01_network", "02_data"]
