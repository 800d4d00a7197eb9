"""The archive of a run verifies like its folder, and is extracted safely."""

import os
import shutil
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.errors import EvidenceError, WrongUsage
from runbook_lib.evidence.attestation.archive import pack, unpack
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.journal.journal import MANIFEST
from tests.support.run_folders import ANN, KEYS, RUN, signed_run, write_approval


@pytest.fixture
def folder(tmp_path):
    return signed_run(tmp_path)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    return pack(signed_run(tmp_path_factory.mktemp("packed")))


def write_zip(path, *entries):
    with zipfile.ZipFile(path, "w") as out:
        for name, content in entries:
            out.writestr(name, content)
    return path


def test_an_archive_verifies_without_the_folder(folder):
    path = pack(folder)
    shutil.rmtree(folder)
    assert path.name == f"{RUN}.zip"
    with unpack(path) as inside:
        assert verify_run(inside, KEYS, KEYS).wrong == []


def test_the_same_folder_is_the_same_file(folder, monkeypatch):
    """Whatever the times of its files, and whatever the environment sets for reproducible builds."""
    first = pack(folder).read_bytes()
    for path in folder.rglob("*"):
        path.touch()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("REPRO_ZIPFILE_FILE_MODE", "600")
    assert pack(folder).read_bytes() == first
    assert os.environ["SOURCE_DATE_EPOCH"] == "1700000000"


def test_every_entry_is_stored_with_fixed_metadata(packed):
    """Archives of earlier versions have the same, and are compared byte for byte."""
    with zipfile.ZipFile(packed) as archive:
        for entry in archive.infolist():
            assert (entry.date_time, entry.create_system) == ((1980, 1, 1, 0, 0, 0), 3)
            assert (entry.external_attr, entry.compress_type) == (0o644 << 16, zipfile.ZIP_STORED)


def test_the_extracted_folder_is_deleted_afterwards(packed):
    with unpack(packed) as inside:
        assert inside.name == RUN
    assert not inside.exists()


@pytest.mark.parametrize("name", ["../x", "/x", f"{RUN}/../../x", "x", "..\\x", f"{RUN}/a\\..\\..\\x"])
def test_nothing_is_extracted_outside(tmp_path, name):
    path = write_zip(tmp_path / "bad.zip", (f"{RUN}/journal.jsonl", ""), (name, "evil"))
    with pytest.raises(EvidenceError, match="is not the archive of one run"), unpack(path):
        pass
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bad.zip"]


def test_an_archive_of_two_runs_is_refused(tmp_path):
    path = write_zip(tmp_path / "two.zip", ("a/journal.jsonl", ""), ("b/journal.jsonl", ""))
    with pytest.raises(EvidenceError, match="it holds a, b"), unpack(path):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_duplicate_entry_is_refused(tmp_path):
    """Two programs may read different ones."""
    path = write_zip(tmp_path / "twice.zip", ("a/journal.jsonl", "x"), ("a/journal.jsonl", "y"))
    with pytest.raises(EvidenceError, match="not the archive of one run"), unpack(path):
        pass


def test_a_missing_archive_is_wrong_usage(tmp_path):
    with pytest.raises(WrongUsage, match=r"There is no .*none\.zip"), unpack(tmp_path / "none.zip"):
        pass


def is_accepted(path):
    """Whether an archive is accepted; any other exception fails the test."""
    try:
        with unpack(path) as inside:
            return verify_run(inside, KEYS, KEYS, from_archive=True).ok
    except (EvidenceError, WrongUsage):
        return False


@settings(max_examples=150)
@given(data=st.data())
def test_any_changed_byte_of_an_archive_is_detected(packed, data):
    """Also outside the files: in headers, dates, modes, and in what no reader shows."""
    old = packed.read_bytes()
    at = data.draw(st.one_of(st.integers(0, len(old)), st.integers(len(old) - 1500, len(old)), st.integers(0, 200)))
    more = data.draw(st.binary(min_size=1, max_size=8))
    edit = data.draw(st.sampled_from(["change", "put in", "take out", "before", "after"]))
    new = {
        "change": old[:at] + more + old[at + len(more) :],
        "put in": old[:at] + more + old[at:],
        "take out": old[:at] + old[at + len(more) :],
        "before": more + old,
        "after": old + more,
    }[edit]
    path = packed.with_name("another.zip")
    path.write_bytes(new)
    assert is_accepted(path) is (new == old)


def repack(packed, edit):
    """Write the archive again; *edit* gets all entries with their contents, and the new archive."""
    path = packed.with_name("again.zip")
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        edit([(info, old.read(info)) for info in old.infolist()], new)
    return path


def _write_all(entries, new):
    for info, content in entries:
        new.writestr(info, content)


def _reverse(entries, new):
    _write_all(reversed(entries), new)


def _comment(entries, new):
    _write_all(entries, new)
    new.comment = b"approved by bob"


def _date(entries, new):
    entries[0][0].date_time = (2026, 11, 24, 8, 0, 0)
    _write_all(entries, new)


def _mode(entries, new):
    entries[0][0].external_attr = 0o755 << 16
    _write_all(entries, new)


def _deflated(entries, new):
    entries[0][0].compress_type = zipfile.ZIP_DEFLATED
    _write_all(entries, new)


def _folder(entries, new):
    _write_all(entries, new)
    new.mkdir(f"{RUN}/more")


def _second_top_folder(entries, new):
    _write_all(entries, new)
    new.mkdir("more")


def _file_comment(entries, new):
    entries[0][0].comment = b"x"
    _write_all(entries, new)


def _extra(entries, new):
    entries[0][0].extra = b"\x99\x99\x04\x00abcd"
    _write_all(entries, new)


@pytest.mark.parametrize("edit", [
    _reverse, _comment, _date, _mode, _deflated, _folder, _second_top_folder, _file_comment, _extra,
])  # fmt: skip
def test_an_archive_with_other_metadata_is_refused(packed, edit):
    assert repack(packed, _write_all).read_bytes() == packed.read_bytes()
    assert not is_accepted(repack(packed, edit))


def test_a_changed_file_that_is_packed_again_is_detected(folder):
    (folder / "01_network.html").write_text("another", encoding="utf-8")
    with unpack(pack(folder)) as inside:
        assert verify_run(inside, KEYS, KEYS, from_archive=True).wrong == [
            "01_network.html: was changed after the run was closed"
        ]


def test_a_later_approval_belongs_in_the_folder_and_not_in_the_archive(folder):
    """The archive is as it was packed at the end of the run, and as it is in the bucket."""
    first = pack(folder)
    write_approval(folder, ANN, "ann")
    assert verify_run(folder, KEYS, KEYS).ok
    assert is_accepted(first)
    with unpack(pack(folder)) as inside:
        assert verify_run(inside, KEYS, KEYS, from_archive=True).wrong == [
            "approvals/ann.dsse.json: was added after the run was packed"
        ]


def test_an_archive_may_have_any_name(packed):
    assert is_accepted(shutil.copy(packed, packed.with_name("evidence (1).zip")))


def test_a_zip_bomb_is_not_extracted(tmp_path, monkeypatch):
    """It is refused by what it says of itself, before anything is written."""
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *a: pytest.fail("it was extracted"))
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{RUN}/journal.jsonl", b"0" * 10_000_000)
    with pytest.raises(EvidenceError, match="was changed after it was packed"), unpack(path):
        pass


@pytest.mark.parametrize(
    ("names", "content"),
    [
        (["x"], "x"), (["run/a", "x"], "x"), (["run/a", "/etc/x"], "/etc/x"), (["run/a", "run/../../x"], "run/../../x"),
        (["run/a", "run\\x"], "run\\x"), (["run/a", "other/b"], "other, run"), ([], "nothing"), (["run/"], "nothing"),
    ],
)  # fmt: skip
def test_what_is_no_archive_of_one_run_is_named(tmp_path, names, content):
    """A file beside the run's folder, above it, or in another one; or nothing at all."""
    path = write_zip(tmp_path / "x.zip", *((name, "") for name in names))
    with pytest.raises(EvidenceError) as refused, unpack(path):
        pass
    assert refused.value.what == f"{path} is not the archive of one run: it holds {content}."


@pytest.mark.parametrize(
    "error",
    [zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, EOFError, NotImplementedError],
)
@pytest.mark.parametrize("call", ["infolist", "extractall"])
def test_whatever_makes_an_archive_unreadable_is_said(packed, monkeypatch, error, call):
    """Python's own errors for a damaged, encrypted, truncated or unsupported archive."""

    def fail(*args):
        raise error("it broke")

    monkeypatch.setattr(zipfile.ZipFile, call, fail)
    with pytest.raises(EvidenceError, match="cannot be unpacked: it broke"), unpack(packed):
        pass


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_an_archive_without_a_manifest_is_refused(tmp_path, kind):
    path = tmp_path / "run.zip"
    entries = {f"{RUN}/journal.jsonl": b"{}"} | ({f"{RUN}/{MANIFEST}/x": b"x"} if kind == "folder" else {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for name, content in entries.items():
            out.writestr(name, content)
    with pytest.raises(EvidenceError, match="was changed after it was packed"), unpack(path):
        pass
