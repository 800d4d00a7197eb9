"""Whatever somebody does to the folder of a run is found, named, and told with the file that it concerns."""

import json
import os
import shutil
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import WrongUsage
from runbook_lib.evidence.attestation import dsse
from runbook_lib.evidence.attestation.dsse import sign, statement
from runbook_lib.evidence.attestation.manifest import PROVENANCE
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.verification.verify import verify
from runbook_lib.journal.journal import MANIFEST
from tests.support.run_folders import (
    ANN,
    BOB,
    EVE,
    KEYS,
    NOTEBOOKS,
    RUN,
    approved,
    begun,
    bundle,
    closed,
    done,
    without,
)


def judged(folder, keys=KEYS, approvers=KEYS):
    return verify(folder, keys, approvers)


@pytest.fixture
def folder(tmp_path):
    return bundle(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One bundle for all examples: each of them puts back what it has changed."""
    return bundle(tmp_path_factory.mktemp("whole"))


# What is as it should be.


def test_a_whole_run_is_complete_and_says_who_signed_and_who_approved(folder):
    found = judged(folder)
    assert (found.wrong, found.signed_by, found.files) == ([], "ann", 20)
    assert [note for note in found.notes if note.startswith("approved by bob for CHG1 at ")]


def test_a_folder_can_be_judged_wherever_it_lies(folder, tmp_path):
    """A copy on another machine: nothing but the folder and the public keys is needed."""
    shutil.copytree(folder, tmp_path / "elsewhere" / RUN)
    shutil.rmtree(folder)
    assert judged(tmp_path / "elsewhere" / RUN).ok


def test_looking_changes_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    judged(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


# What somebody did to it.


def _files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@contextmanager
def restored(folder):
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        yield
    finally:
        for path in [path for path in folder.rglob("*") if path.is_symlink() or (path.is_file() and path not in kept)]:
            path.unlink()
        for path, content in kept.items():
            path.write_bytes(content)


def _changed(draw, path):
    """Another content, made from what is there in one of the ways in which it could be."""
    old = path.read_bytes()
    at = draw(st.integers(0, max(0, len(old) - 1)))
    ways = {
        "byte": lambda: old[:at] + bytes([draw(st.integers(0, 255))]) + old[at + 1 :],
        "bit": lambda: old[:at] + bytes([old[at] ^ (1 << draw(st.integers(0, 7)))]) + old[at + 1 :],
        "cut": lambda: old[:at],
        "taken out": lambda: old[:at] + old[at + draw(st.integers(1, 40)) :],
        "put in": lambda: old[:at] + draw(st.binary(min_size=1, max_size=8)) + old[at:],
        "space": lambda: old[:at] + draw(st.sampled_from([b" ", b"\n", b"\t", b"\r\n"])) + old[at:],
        "lines": lambda: b"".join(draw(st.permutations(old.splitlines(keepends=True)))),
        "line twice": lambda: b"".join(line * 2 for line in old.splitlines(keepends=True)),
        "other": lambda: draw(st.binary(max_size=60)),
    }
    return ways[draw(st.sampled_from(sorted(ways)))]()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_file_is_found_and_the_file_is_named(whole, data):
    """Also of the manifest and of an approval, whose own formats have many ways to say the same."""
    name = data.draw(st.sampled_from(_files(whole)))
    with restored(whole):
        path = whole / name
        before = path.read_bytes()
        path.write_bytes(_changed(data.draw, path))
        same = path.read_bytes() == before
        found = judged(whole)
    assert found.ok is same
    assert same or any(wrong.startswith(f"{name}: ") for wrong in found.wrong)


@settings(max_examples=60)
@given(data=st.data())
def test_any_file_that_is_missing_added_or_in_the_place_of_another_is_found(whole, data):
    names = _files(whole)
    one, *rest = data.draw(st.permutations(names))
    two = next(name for name in rest if (whole / name).read_bytes() != (whole / one).read_bytes())
    new = data.draw(
        st.sampled_from(["x", "plans/x.json", ".hidden", "approvals/x.dsse.json", "tables/x.csv", f"{one}.bak"])
    )
    deed = data.draw(st.sampled_from(["delete", "add", "swap", "rename", "link", "copy"]))
    with restored(whole):
        first, second = (whole / one).read_bytes(), (whole / two).read_bytes()
        if deed in ("delete", "rename", "link"):
            (whole / one).unlink()
        if deed == "add":
            (whole / new).write_bytes(data.draw(st.binary(max_size=20)))
        if deed in ("copy", "rename"):
            (whole / new).write_bytes(first)
        if deed == "swap":
            (whole / one).write_bytes(second)
            (whole / two).write_bytes(first)
        if deed == "link":
            aside = whole.parent / "aside"
            aside.write_bytes(first)
            (whole / one).symlink_to(aside)
        found = judged(whole)
    named = {"add": [new], "copy": [new], "swap": [one, two], "rename": [one, new]}.get(deed, [one])
    if MANIFEST in named:  # without it nothing can be said of the others
        named = [MANIFEST]
    for name in named:
        assert any(wrong.startswith(f"{name}: ") for wrong in found.wrong), (deed, name, found.wrong)


@pytest.mark.parametrize("line", [0, 3, 5])
def test_a_journal_that_was_mended_to_follow_again_is_still_another_one(folder, line):
    """Whoever chains it anew cannot sign it anew."""
    path = folder / "journal.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    (folder / MANIFEST).rename(folder / "aside")
    path.unlink()
    for number, text in enumerate(lines):
        event = json.loads(text)
        if number != line:
            rest = {key: value for key, value in event.items() if key not in ("at", "event", "prev", "notebook")}
            RunFolder(folder.parent, folder.name, event["notebook"]).journal().write(event["event"], **rest)
    (folder / "aside").rename(folder / MANIFEST)
    assert "journal.jsonl: was changed after the run was closed" in judged(folder).wrong


def test_a_folder_under_the_name_of_another_run_is_found(folder, tmp_path):
    folder.rename(tmp_path / "20261125T080000Z-apply-ffff")
    (wrong,) = judged(tmp_path / "20261125T080000Z-apply-ffff").wrong
    assert wrong == f"{MANIFEST}: is that of {RUN}, and the folder is called 20261125T080000Z-apply-ffff"


def test_the_broken_line_of_the_journal_is_named(folder):
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join([*lines[:4], *lines[5:]]))
    assert any("line 5 does not follow" in wrong for wrong in judged(folder).wrong)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ["journal.jsonl", MANIFEST, "02_data.html", "approvals/bob.dsse.json", "plans"])
def test_what_is_no_file_is_told_and_never_waited_for(folder, kind, name):
    """To read a pipe would take until somebody writes into it."""
    path = next((folder / "plans").iterdir()) if name == "plans" else folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:  # a link, since only root may make a device
        path.symlink_to("/dev/zero")
    told = judged(folder).wrong
    name = path.relative_to(folder).as_posix()
    assert f"{name}: is no file" in told or f"{name}: is a link now" in told


@pytest.mark.parametrize("name", ["empty", "plans/empty", "approvals/empty"])
def test_a_folder_with_nothing_in_it_is_found(folder, name):
    (folder / name).mkdir()
    assert judged(folder).wrong == [f"{name}: was added after the run was closed: a folder with nothing in it"]


def test_a_folder_that_a_run_has_left_empty_is_taken_away_when_it_is_closed(tmp_path):
    folder = begun(tmp_path)
    (folder / "tables" / "deep").mkdir(parents=True)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    assert judged(closed(folder)).ok


# Whose signature it is.


def test_a_run_signed_by_a_stranger_is_not_believed(tmp_path):
    folder = begun(tmp_path)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    closed(folder, EVE)
    found = judged(folder)
    (wrong,) = found.wrong
    assert wrong.startswith(
        f"{MANIFEST}: signed with the key {EVE.public_key.keyid[:16]}, which is none of the trusted"
    )
    assert found.signed_by == ""


def test_without_any_key_nothing_is_believed(folder):
    (wrong,) = judged(folder, {}, {}).wrong
    assert "(none given)" in wrong


def test_whoever_changes_a_run_and_signs_it_himself_is_no_longer_ann(folder):
    (folder / "tables" / "01_network-part.csv").write_text("resource\n", encoding="utf-8")
    (folder / MANIFEST).unlink()
    closed(folder, EVE)
    assert not judged(folder).ok


# What is not complete.


def test_a_run_that_was_killed_is_not_closed(tmp_path):
    """No manifest: it says so, and which notebook did not say how it ended."""
    folder = begun(tmp_path)
    done(folder, NOTEBOOKS[0])
    told = judged(folder).wrong
    assert told[0].startswith(f"{MANIFEST}: is missing: the run was not closed")
    assert [wrong for wrong in told if wrong.startswith("02_data: the journal does not say how it ended")]
    assert not [wrong for wrong in told if wrong.startswith("01_network")]


def test_every_notebook_of_the_run_is_accounted_for(tmp_path):
    """Also in a folder that somebody closed and signed: a signature does not make it complete."""
    folder = begun(tmp_path)
    done(folder, NOTEBOOKS[0])
    (wrong,) = judged(closed(folder)).wrong
    assert wrong.startswith("02_data: the journal does not say how it ended")


def test_a_notebook_that_was_not_run_is_accounted_for(tmp_path):
    folder = begun(tmp_path)
    done(folder, NOTEBOOKS[0])
    RunFolder(tmp_path, RUN, NOTEBOOKS[1]).journal().write("ended", state="not run", why="01_network failed")
    assert judged(closed(folder)).wrong == []


def test_every_planned_change_is_accounted_for(tmp_path):
    folder = begun(tmp_path)
    done(folder, NOTEBOOKS[0], but="thing.network-2")
    done(folder, NOTEBOOKS[1])
    assert (
        "01_network: thing.network-2: to create it was planned, and the journal does not say what came of it"
        in judged(closed(folder)).wrong
    )


def test_what_a_failed_notebook_left_undone_is_said_and_no_gap(tmp_path):
    """The evidence of a failure is as complete as that of a success."""
    folder = begun(tmp_path)
    done(folder, NOTEBOOKS[0], "failed", but="thing.network-2")
    done(folder, NOTEBOOKS[1])
    found = judged(closed(folder))
    assert found.wrong == []
    assert (
        "01_network: thing.network-2: to create it was planned; not done: the notebook did not get there" in found.notes
    )


@pytest.mark.parametrize("name", ["01_network.ipynb", "02_data.html", "plans"])
def test_what_was_lost_before_the_run_was_closed_is_missed_all_the_same(tmp_path, name):
    folder = begun(tmp_path)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    shutil.rmtree(folder / name) if name == "plans" else (folder / name).unlink()
    told = judged(closed(folder)).wrong
    assert told
    assert all(wrong.startswith(name) and "is missing" in wrong for wrong in told)


def test_what_is_no_run_is_told_as_such(tmp_path):
    with pytest.raises(WrongUsage, match="is no folder of a run"):
        judged(tmp_path)


# Approvals that come after the folder was closed.


def test_an_approval_may_be_added_to_a_closed_plan(folder):
    approved(folder, ANN, "ann")
    assert judged(folder).ok


@pytest.mark.parametrize(
    ("signer", "by", "why"),
    [
        (EVE, "eve", "which is none of the trusted ones"),
        (EVE, "ann", "which is none of the trusted ones"),
        (ANN, "carl", "ann signed it in the name of carl"),
    ],
)
def test_an_approval_that_nobody_may_give_is_found(folder, signer, by, why):
    approved(folder, signer, by)
    (wrong,) = judged(folder).wrong
    assert wrong.startswith(f"approvals/{by}.dsse.json: ")
    assert why in wrong


def test_a_forged_approval_is_found_whoever_else_is_known(folder):
    """It says to be of a key that is at hand, and is not."""
    path = folder / "approvals" / "bob.dsse.json"
    envelope, other = (json.loads(data) for data in (path.read_bytes(), approved(folder, EVE, "eve").read_bytes()))
    (folder / "approvals" / "eve.dsse.json").unlink()
    path.write_bytes(json.dumps(envelope | {"payload": other["payload"]}, indent=1, sort_keys=True).encode() + b"\n")
    (folder / MANIFEST).unlink()
    closed(folder)
    wrong = verify(folder, KEYS, {"robert": KEYS["bob"]}, others=True).wrong
    assert "approvals/bob.dsse.json: the signature is not that of robert: it was forged" in wrong[0]


def test_an_approval_of_another_run_does_not_belong_here(folder, tmp_path):
    other = bundle(tmp_path, "20261124T090000Z-apply-ffff")
    path = approved(other, ANN, "ann")
    shutil.copy(path, folder / "approvals" / "ann.dsse.json")
    (wrong,) = judged(folder).wrong
    assert wrong == "approvals/ann.dsse.json: is an approval of another run, 20261124T090000Z-apply-ffff"


def test_an_approval_that_the_run_went_by_has_to_be_there(tmp_path):
    folder = begun(tmp_path)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    said = {"by": "bob", "operator": "", "sha256": "0" * 64, "kept": "bob.dsse.json"}
    RunFolder(tmp_path, RUN, NOTEBOOKS[0]).journal().write("approved", **said)
    (wrong,) = judged(closed(folder)).wrong
    assert wrong == "approvals/bob.dsse.json: is missing: the run says it went by it"


def test_an_approval_of_another_plan_is_not_what_the_run_went_by(tmp_path):
    folder = begun(tmp_path)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    path = approved(folder, BOB, "bob")
    said = {"by": "bob", "operator": "", "sha256": "0" * 64, "kept": path.name}
    RunFolder(tmp_path, RUN, NOTEBOOKS[0]).journal().write("approved", **said)
    (wrong,) = judged(closed(folder)).wrong
    assert wrong == "approvals/bob.dsse.json: is not the approval that the journal tells of"


def test_a_file_that_cannot_be_read_is_told_and_stops_nothing(folder):
    if os.geteuid() == 0:
        (folder / "01_network.html").unlink()
        (folder / "01_network.html").mkdir()
        assert "01_network.html: is no file" in judged(folder).wrong
    else:
        (folder / "01_network.html").chmod(0)
        assert "01_network.html: cannot be read: Permission denied" in judged(folder).wrong


# Of which environment it is.


@pytest.mark.parametrize("names", [("prod", "dev"), ("dev", "prod")])
def test_a_run_of_two_environments_is_none(tmp_path, names):
    """Who asked for the one may not be let into the other: also when somebody believed signed it."""
    folder = begun(tmp_path)
    first, other = names
    told = {"run": first, "open": other}
    without(folder, lambda event: False, env=lambda event: told[event["event"]])
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    assert "journal.jsonl: names different environments: dev, prod" in judged(closed(folder)).wrong


def test_a_signature_over_a_run_of_another_environment_is_none(folder):
    opened = dsse.verify((folder / MANIFEST).read_bytes(), KEYS, PROVENANCE)
    predicate = json.loads(json.dumps(opened.statement["predicate"]))
    predicate["buildDefinition"]["externalParameters"]["env"] = "dev"
    (folder / MANIFEST).write_bytes(sign(statement(PROVENANCE, opened.statement["subject"], predicate), ANN))
    (wrong,) = judged(folder).wrong
    assert wrong == f"{MANIFEST}: is that of a run of dev, and journal.jsonl that of one of prod"
