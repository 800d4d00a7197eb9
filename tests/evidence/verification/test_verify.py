"""Any change to the folder of a run is detected, and reported with the file's name."""

import json
import os
import shutil
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import WrongUsage
from runbook_lib.evidence.attestation import dsse
from runbook_lib.evidence.attestation.dsse import build_statement, sign
from runbook_lib.evidence.attestation.manifest import PROVENANCE
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.journal.journal import MANIFEST
from tests.support.run_folders import (
    ANN,
    BOB,
    EVE,
    KEYS,
    NOTEBOOKS,
    RUN,
    close_run,
    finish_notebook,
    planned_run,
    rewrite_journal,
    signed_run,
    write_approval,
)


def check(folder, keys=KEYS, approvers=KEYS):
    return verify_run(folder, keys, approvers)


@pytest.fixture
def folder(tmp_path):
    return signed_run(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One bundle for all examples: each of them puts back what it has changed."""
    return signed_run(tmp_path_factory.mktemp("whole"))


# Complete runs.


def test_a_whole_run_is_complete_and_says_who_signed_and_who_approved(folder):
    found = check(folder)
    assert (found.wrong, found.signed_by, found.files) == ([], "ann", 20)
    assert [note for note in found.notes if note.startswith("approved by bob for CHG1 at ")]


def test_a_folder_can_be_verified_anywhere(folder, tmp_path):
    """A copy on another machine: nothing but the folder and the public keys is needed."""
    shutil.copytree(folder, tmp_path / "elsewhere" / RUN)
    shutil.rmtree(folder)
    assert check(tmp_path / "elsewhere" / RUN).ok


def test_verifying_changes_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    check(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


# Changes to the folder.


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


def _edit(draw, path):
    """Edit the content of a file in one of several ways."""
    old = path.read_bytes()
    at = draw(st.integers(0, max(0, len(old) - 1)))
    edits = {
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
    return edits[draw(st.sampled_from(sorted(edits)))]()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_file_is_reported(whole, data):
    """Also of the manifest and of approvals, whose formats can encode the same content in several ways."""
    name = data.draw(st.sampled_from(_files(whole)))
    with restored(whole):
        path = whole / name
        before = path.read_bytes()
        path.write_bytes(_edit(data.draw, path))
        same = path.read_bytes() == before
        found = check(whole)
    assert found.ok is same
    assert same or any(wrong.startswith(f"{name}: ") for wrong in found.wrong)


@settings(max_examples=60)
@given(data=st.data())
def test_any_missing_added_or_swapped_file_is_reported(whole, data):
    names = _files(whole)
    one, *rest = data.draw(st.permutations(names))
    two = next(name for name in rest if (whole / name).read_bytes() != (whole / one).read_bytes())
    new = data.draw(
        st.sampled_from(["x", "plans/x.json", ".hidden", "approvals/x.dsse.json", "tables/x.csv", f"{one}.bak"])
    )
    edit = data.draw(st.sampled_from(["delete", "add", "swap", "rename", "link", "copy"]))
    with restored(whole):
        first, second = (whole / one).read_bytes(), (whole / two).read_bytes()
        if edit in ("delete", "rename", "link"):
            (whole / one).unlink()
        if edit == "add":
            (whole / new).write_bytes(data.draw(st.binary(max_size=20)))
        if edit in ("copy", "rename"):
            (whole / new).write_bytes(first)
        if edit == "swap":
            (whole / one).write_bytes(second)
            (whole / two).write_bytes(first)
        if edit == "link":
            aside = whole.parent / "aside"
            aside.write_bytes(first)
            (whole / one).symlink_to(aside)
        found = check(whole)
    affected = {"add": [new], "copy": [new], "swap": [one, two], "rename": [one, new]}.get(edit, [one])
    if MANIFEST in affected:  # without it nothing can be said of the others
        affected = [MANIFEST]
    for name in affected:
        assert any(wrong.startswith(f"{name}: ") for wrong in found.wrong), (edit, name, found.wrong)


@pytest.mark.parametrize("line", [0, 3, 5])
def test_a_journal_with_a_new_chain_is_reported(folder, line):
    """Whoever chains it again cannot sign it again."""
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
    assert "journal.jsonl: was changed after the run was closed" in check(folder).wrong


def test_a_folder_with_the_name_of_another_run_is_reported(folder, tmp_path):
    folder.rename(tmp_path / "20261125T080000Z-apply-ffff")
    (wrong,) = check(tmp_path / "20261125T080000Z-apply-ffff").wrong
    assert wrong == f"{MANIFEST}: is for {RUN}, and the folder is 20261125T080000Z-apply-ffff"


def test_the_broken_line_of_the_journal_is_named(folder):
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join([*lines[:4], *lines[5:]]))
    assert any("line 5 does not follow" in wrong for wrong in check(folder).wrong)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ["journal.jsonl", MANIFEST, "02_data.html", "approvals/bob.dsse.json", "plans"])
def test_what_is_not_a_file_is_reported_and_not_read(folder, kind, name):
    """Reading a pipe would block."""
    path = next((folder / "plans").iterdir()) if name == "plans" else folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:  # a link, since only root may make a device
        path.symlink_to("/dev/zero")
    wrong = check(folder).wrong
    name = path.relative_to(folder).as_posix()
    assert f"{name}: is not a file" in wrong or f"{name}: was replaced by a link" in wrong


@pytest.mark.parametrize("name", ["empty", "plans/empty", "approvals/empty"])
def test_an_empty_folder_is_reported(folder, name):
    (folder / name).mkdir()
    assert check(folder).wrong == [f"{name}: was added after the run was closed (an empty folder)"]


def test_empty_folders_are_deleted_when_a_run_is_closed(tmp_path):
    folder = planned_run(tmp_path)
    (folder / "tables" / "deep").mkdir(parents=True)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    assert check(close_run(folder)).ok


# Signatures.


def test_a_signature_with_an_unknown_key_is_not_trusted(tmp_path):
    folder = planned_run(tmp_path)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    close_run(folder, EVE)
    found = check(folder)
    (wrong,) = found.wrong
    assert wrong.startswith(
        f"{MANIFEST}: signed with the key {EVE.public_key.keyid[:16]}, which is not one of the trusted"
    )
    assert found.signed_by == ""


def test_without_keys_nothing_is_trusted(folder):
    (wrong,) = check(folder, {}, {}).wrong
    assert "(none given)" in wrong


def test_a_changed_run_that_is_signed_with_another_key_is_reported(folder):
    (folder / "tables" / "01_network-part.csv").write_text("resource\n", encoding="utf-8")
    (folder / MANIFEST).unlink()
    close_run(folder, EVE)
    assert not check(folder).ok


# Incomplete runs.


def test_a_run_that_was_killed_is_not_closed(tmp_path):
    """There is no manifest, and the notebook without an end is named."""
    folder = planned_run(tmp_path)
    finish_notebook(folder, NOTEBOOKS[0])
    wrong = check(folder).wrong
    assert wrong[0].startswith(f"{MANIFEST}: is missing: the run was not closed")
    assert [wrong for wrong in wrong if wrong.startswith("02_data: the journal does not say how it ended")]
    assert not [wrong for wrong in wrong if wrong.startswith("01_network")]


def test_every_notebook_of_the_run_needs_an_end(tmp_path):
    """Also in a folder that somebody closed and signed: a signature does not make it complete."""
    folder = planned_run(tmp_path)
    finish_notebook(folder, NOTEBOOKS[0])
    (wrong,) = check(close_run(folder)).wrong
    assert wrong.startswith("02_data: the journal does not say how it ended")


def test_a_notebook_that_was_not_run_is_complete(tmp_path):
    folder = planned_run(tmp_path)
    finish_notebook(folder, NOTEBOOKS[0])
    RunFolder(tmp_path, RUN, NOTEBOOKS[1]).journal().write("ended", state="not run", why="01_network failed")
    assert check(close_run(folder)).wrong == []


def test_every_planned_change_needs_a_result(tmp_path):
    folder = planned_run(tmp_path)
    finish_notebook(folder, NOTEBOOKS[0], but="thing.network-2")
    finish_notebook(folder, NOTEBOOKS[1])
    found, gap = (
        check(close_run(folder)),
        "01_network: thing.network-2: create was planned, and the journal has no result of it",
    )
    assert gap in found.wrong
    assert gap not in found.notes, "it is no remark"


def test_a_change_that_a_failed_notebook_did_not_make_is_a_note(tmp_path):
    """The evidence of a failure is as complete as that of a success."""
    folder = planned_run(tmp_path)
    finish_notebook(folder, NOTEBOOKS[0], "failed", but="thing.network-2")
    finish_notebook(folder, NOTEBOOKS[1])
    found = check(close_run(folder))
    assert found.wrong == []
    assert "01_network: thing.network-2: create was planned; not done: the notebook stopped before it" in found.notes


@pytest.mark.parametrize("name", ["01_network.ipynb", "02_data.html", "plans"])
def test_a_file_that_was_lost_before_the_run_was_closed_is_reported(tmp_path, name):
    folder = planned_run(tmp_path)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    shutil.rmtree(folder / name) if name == "plans" else (folder / name).unlink()
    wrong = check(close_run(folder)).wrong
    assert wrong
    assert all(wrong.startswith(name) and "is missing" in wrong for wrong in wrong)


def test_a_folder_without_a_run_is_wrong_usage(tmp_path):
    with pytest.raises(WrongUsage, match="is not the folder of a run"):
        check(tmp_path)


# Approvals that come after the folder was closed.


def test_an_approval_may_be_added_to_a_closed_plan(folder):
    write_approval(folder, ANN, "ann")
    assert check(folder).ok


@pytest.mark.parametrize(
    ("signer", "by", "why"),
    [
        (EVE, "eve", "which is not one of the trusted keys"),
        (EVE, "ann", "which is not one of the trusted keys"),
        (ANN, "carl", "ann signed it in the name of carl"),
    ],
)
def test_an_approval_by_somebody_who_is_not_a_signer_is_reported(folder, signer, by, why):
    write_approval(folder, signer, by)
    (wrong,) = check(folder).wrong
    assert wrong.startswith(f"approvals/{by}.dsse.json: ")
    assert why in wrong


def test_a_forged_approval_is_reported_whatever_keys_are_missing(folder):
    """It names a known key that did not sign it."""
    path = folder / "approvals" / "bob.dsse.json"
    envelope, other = (
        json.loads(data) for data in (path.read_bytes(), write_approval(folder, EVE, "eve").read_bytes())
    )
    (folder / "approvals" / "eve.dsse.json").unlink()
    path.write_bytes(json.dumps(envelope | {"payload": other["payload"]}, indent=1, sort_keys=True).encode() + b"\n")
    (folder / MANIFEST).unlink()
    close_run(folder)
    wrong = verify_run(folder, KEYS, {"robert": KEYS["bob"]}, more_approvers=True).wrong
    assert "approvals/bob.dsse.json: the signature is not that of robert: it was forged" in wrong[0]


def test_an_approval_of_another_run_is_reported(folder, tmp_path):
    other = signed_run(tmp_path, "20261124T090000Z-apply-ffff")
    path = write_approval(other, ANN, "ann")
    shutil.copy(path, folder / "approvals" / "ann.dsse.json")
    (wrong,) = check(folder).wrong
    assert wrong == "approvals/ann.dsse.json: is an approval of another run, 20261124T090000Z-apply-ffff"


def test_a_missing_approval_that_the_run_used_is_reported(tmp_path):
    folder = planned_run(tmp_path)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    fields = {"by": "bob", "operator": "", "sha256": "0" * 64, "kept": "bob.dsse.json"}
    RunFolder(tmp_path, RUN, NOTEBOOKS[0]).journal().write("approved", **fields)
    (wrong,) = check(close_run(folder)).wrong
    assert wrong == "approvals/bob.dsse.json: is missing, and the run used it"


def test_an_approval_of_another_plan_is_reported(tmp_path):
    folder = planned_run(tmp_path)
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    path = write_approval(folder, BOB, "bob")
    fields = {"by": "bob", "operator": "", "sha256": "0" * 64, "kept": path.name}
    RunFolder(tmp_path, RUN, NOTEBOOKS[0]).journal().write("approved", **fields)
    (wrong,) = check(close_run(folder)).wrong
    assert wrong == "approvals/bob.dsse.json: is not the approval that the journal describes"


def test_an_unreadable_file_is_reported(folder):
    if os.geteuid() == 0:
        (folder / "01_network.html").unlink()
        (folder / "01_network.html").mkdir()
        assert "01_network.html: is not a file" in check(folder).wrong
    else:
        (folder / "01_network.html").chmod(0)
        assert "01_network.html: cannot be read: Permission denied" in check(folder).wrong


# Environments.


@pytest.mark.parametrize("names", [("prod", "dev"), ("dev", "prod")])
def test_a_run_of_two_environments_is_reported(tmp_path, names):
    """Also when it was signed with a trusted key."""
    folder = planned_run(tmp_path)
    first, other = names
    env = {"run": first, "open": other}
    rewrite_journal(folder, lambda event: False, env=lambda event: env[event["event"]])
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    assert "journal.jsonl: names different environments: dev, prod" in check(close_run(folder)).wrong


def test_a_manifest_for_another_environment_is_reported(folder):
    envelope = dsse.verify((folder / MANIFEST).read_bytes(), KEYS, PROVENANCE)
    predicate = json.loads(json.dumps(envelope.statement["predicate"]))
    predicate["buildDefinition"]["externalParameters"]["env"] = "dev"
    (folder / MANIFEST).write_bytes(sign(build_statement(PROVENANCE, envelope.statement["subject"], predicate), ANN))
    (wrong,) = check(folder).wrong
    assert wrong == f"{MANIFEST}: is for the environment dev, and journal.jsonl for prod"


def test_an_event_that_names_no_environment_is_told_apart(tmp_path):
    folder = planned_run(tmp_path)
    RunFolder(tmp_path, RUN, NOTEBOOKS[0]).journal().write("open", account="1", parameters={"a": 1})
    assert "journal.jsonl: names different environments: , prod" in check(folder).wrong
    RunFolder(tmp_path, RUN, NOTEBOOKS[0]).journal().write("inventory", scope="dev/1/r", when="x", resources=[])
    assert "journal.jsonl: names different environments: , dev, prod" in check(folder).wrong


# What is said, word by word.


def notes_of(folder, **more):
    """What is wrong, and the notes; of an approval's, what is before its time."""
    found = verify_run(folder, KEYS, **{"approvers": KEYS} | more)
    assert found.ok is not bool(found.wrong)
    return found.wrong, [one.partition(" at 20")[0] for one in found.notes]


def test_of_a_whole_run_only_the_approvals_are_noted(folder):
    write_approval(folder, ANN, "ann")
    assert notes_of(folder) == ([], ["approved by ann for CHG1", "approved by bob for CHG1"])


@pytest.mark.parametrize(
    ("more", "is_wrong"),
    [
        ({}, True), ({"more_approvers": False}, True), ({"more_approvers": True}, False), ({"approvers": {}}, False),
        ({"approvers": {"ann": ANN.public_key}}, True),
    ],
)  # fmt: skip
def test_an_approval_whose_signer_is_not_known_is_wrong_or_noted(tmp_path, more, is_wrong):
    """It is noted where there may be approvers whose keys are not given, or where none is given."""
    folder = planned_run(tmp_path)
    write_approval(folder, EVE, "eve")
    for notebook in NOTEBOOKS:
        finish_notebook(folder, notebook)
    wrong, notes = notes_of(close_run(folder), **more)
    name = "approvals/eve.dsse.json: "
    assert [one[: len(name)] for one in wrong] == [name] * is_wrong
    assert [one[: len(name)] for one in notes] == [name] * (not is_wrong)


def test_an_approval_that_was_added_is_wrong_in_an_archive_only(folder):
    write_approval(folder, ANN, "ann")
    wrong = ["approvals/ann.dsse.json: was added after the run was packed"]
    assert notes_of(folder)[0] == []
    assert notes_of(folder, from_archive=False)[0] == []
    assert notes_of(folder, from_archive=True)[0] == wrong


def test_only_another_notebook_than_that_of_the_commit_is_noted(tmp_path):
    folder = planned_run(tmp_path)
    for notebook, known in zip(NOTEBOOKS, (True, False), strict=True):
        RunFolder(tmp_path, RUN, notebook).journal().write("origin", digest="d", commit="c" * 40, known=known)
        finish_notebook(folder, notebook, "failed", but=f"thing.{notebook[3:]}-1")
    assert notes_of(close_run(folder)) == (
        [],
        [
            "01_network: thing.network-1: create was planned; not done: the notebook stopped before it",
            "02_data: thing.data-1: create was planned; not done: the notebook stopped before it",
            "02_data is in no commit: there is none of that name to compare it with.",
        ],
    )


@pytest.mark.parametrize("name", ["journal.jsonl", MANIFEST])
def test_a_file_of_the_run_itself_is_missing_or_no_file(folder, tmp_path, name):
    """A link to the very same content is none: it may lead out of the folder."""
    kept = (folder / name).rename(tmp_path / "kept")
    missing = [one for one in check(folder).wrong if one.startswith(f"{name}: ")]
    assert missing[0].startswith(f"{name}: is missing")
    (folder / name).symlink_to(tmp_path / "nowhere")
    assert f"{name}: is not a file" in check(folder).wrong
    if name == MANIFEST:
        (folder / name).unlink()
        (folder / name).symlink_to(kept)
        found = check(folder)
        assert f"{name}: is not a file" in found.wrong
        assert found.signed_by == ""


def test_a_file_that_cannot_be_read_is_reported_with_the_reason(folder, monkeypatch):
    """Whatever the operating system says."""
    original = type(folder).open

    def fail(self, *args, **more):
        if self.name == "01_network.html":
            raise PermissionError(13, "Permission denied", str(self))
        return original(self, *args, **more)

    monkeypatch.setattr(type(folder), "open", fail)
    assert check(folder).wrong == ["01_network.html: cannot be read: Permission denied"]
