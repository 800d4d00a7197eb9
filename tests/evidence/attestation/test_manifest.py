"""The manifest names every file of a run, and says who ran what, when, and from which source."""

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from runbook_lib.errors import EvidenceError
from runbook_lib.evidence.attestation import manifest
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.journal.journal import MANIFEST
from runbook_lib.journal.reader import read_events
from tests.support.run_folders import ANN, RUN, planned_run


def close(folder, **more):
    return manifest.sign_manifest(folder, ANN, code=folder, params=more.pop("params", folder / "none.yaml"), **more)


def statement_of(path):
    return json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))


def test_the_provenance_says_who_ran_what_and_when(tmp_path):
    folder = planned_run(tmp_path)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    provenance = statement_of(close(folder))["predicate"]
    finished = provenance["runDetails"]["metadata"].pop("finishedOn")
    assert before <= datetime.fromisoformat(finished) <= datetime.now(UTC)
    assert len(finished) == len("2026-11-24T08:00:00.000+00:00")
    assert provenance == {
        "buildDefinition": {
            "buildType": "urn:runbook:run:v1",
            "externalParameters": {
                "env": "prod", "mode": "apply", "change": "CHG1", "asked_by": "ann",
                "notebooks": ["01_network", "02_data"],
            },
            "internalParameters": {"account": "123456789012", "region": "us-west-2", "operator": "bob on build-7"},
            "resolvedDependencies": [],
        },
        "runDetails": {
            "builder": {"id": "urn:runbook:caller:arn:me"},
            "metadata": {"invocationId": RUN, "startedOn": read_events(folder)[0]["at"]},
        },
    }  # fmt: skip


def test_all_parameters_of_a_run_are_in_its_provenance(tmp_path):
    folder = RunFolder(tmp_path, RUN, "runner")
    given = {"env": "dev", "mode": "destroy", "change": "C", "asked_by": "a", "approved": "f", "confirm": "dev"}
    given |= {"skip_preflight": "yes", "deploy": "full"}
    folder.journal().write("run", run=RUN, notebooks=["01_network"], more="x", **given)
    folder.journal().write("open", account="1", caller="arn:you", env="another")
    folder.journal().write("open", account="2", region="r", operator="o", caller="arn:third")
    provenance = statement_of(close(folder.path))["predicate"]
    build = provenance["buildDefinition"]
    assert build["externalParameters"] == given | {"notebooks": ["01_network"]}
    assert build["internalParameters"] == {"account": "1"}
    assert provenance["runDetails"]["builder"]["id"] == "urn:runbook:caller:arn:you"


def test_a_run_that_never_opened_has_an_unknown_caller(tmp_path):
    folder = tmp_path / RUN
    folder.mkdir()
    (folder / "note.txt").write_text("x")
    provenance = statement_of(close(folder))["predicate"]
    assert provenance["runDetails"]["builder"]["id"] == "urn:runbook:caller:unknown"
    metadata = provenance["runDetails"]["metadata"]
    assert metadata["startedOn"] == metadata["finishedOn"]
    assert provenance["buildDefinition"]["externalParameters"] == {}


@pytest.mark.parametrize("clean", [True, False])
def test_the_commit_and_the_parameters_are_the_sources(tmp_path, clean):
    code, folder = tmp_path / "code", planned_run(tmp_path)
    code.mkdir()
    params = code / "dev.yaml"
    params.write_text("env: dev\n")
    git = ["git", "-C", str(code), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    if not clean:
        params.write_text("env: prod\n")
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    path = manifest.sign_manifest(folder, ANN, code=code, params=params)
    digest = sha256(params.read_bytes()).hexdigest()
    assert statement_of(path)["predicate"]["buildDefinition"]["resolvedDependencies"] == [
        {"name": "source", "digest": {"gitCommit": commit}, "annotations": {"clean": clean}},
        {"name": "params/dev.yaml", "digest": {"sha256": digest}},
    ]


def test_every_file_is_a_subject_with_its_digest_in_one_order(tmp_path):
    folder = tmp_path / RUN
    for name in ("b/c.txt", "a.txt", "b/a.txt", "z/y/x.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for empty in ("e", "f/g", "b/d"):
        (folder / empty).mkdir(parents=True)
    subjects = statement_of(close(folder))["subject"]
    names = ["a.txt", "b/a.txt", "b/c.txt", "z/y/x.txt"]
    assert subjects == [{"name": n, "digest": {"sha256": sha256(n.encode()).hexdigest()}} for n in names]
    assert list(manifest.list_files(folder)) == names
    assert sorted(path.name for path in folder.rglob("*") if path.is_dir()) == ["b", "y", "z"]
    assert list(manifest.find_empty_folders(folder)) == []


def test_empty_folders_are_found_at_every_depth(tmp_path):
    for name in ("a/b/c", "d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "d" / "x").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found = [path.relative_to(tmp_path).as_posix() for path in manifest.find_empty_folders(tmp_path)]
    assert found == ["a", "a/b", "a/b/c"]
    assert set(manifest.list_files(tmp_path)) == {"d/x", "link"}


def test_a_closed_folder_is_not_closed_again(tmp_path):
    folder = planned_run(tmp_path)
    data = close(folder).read_bytes()
    with pytest.raises(EvidenceError) as refused:
        close(folder)
    assert str(refused.value).startswith(f"{RUN} is closed already.")
    assert "runbook evidence show" in refused.value.fix
    assert (folder / MANIFEST).read_bytes() == data


@pytest.mark.parametrize("target", ["journal.jsonl", "nowhere", "."])
def test_a_link_is_never_signed(tmp_path, target):
    """What it points to may change."""
    folder = planned_run(tmp_path)
    (folder / "link").symlink_to(folder / target)
    (folder / "other").symlink_to(folder / target)
    with pytest.raises(EvidenceError, match="link, other: not a regular file"):
        close(folder)
    assert not (folder / MANIFEST).exists()


def test_empty_folders_are_told_in_order(tmp_path):
    """Those above the ones within them, whatever order the disk has."""
    names = [f"{letter}/{number}" for letter in "qcxak" for number in (3, 1, 2)]
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    found = [path.relative_to(tmp_path).as_posix() for path in manifest.find_empty_folders(tmp_path)]
    assert found == sorted([*names, *"ackqx"])
