"""One file of a run attaches to a ticket: it says the same as the folder, and nothing gets out of it sideways."""

import shutil
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.errors import EvidenceError, WrongUsage
from runbook_lib.evidence.attestation.archive import pack, unpack
from runbook_lib.evidence.verification.verify import verify
from tests.support.run_folders import ANN, KEYS, RUN, approved, bundle


@pytest.fixture
def folder(tmp_path):
    return bundle(tmp_path)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    return pack(bundle(tmp_path_factory.mktemp("packed")))


def zipped(path, *entries):
    with zipfile.ZipFile(path, "w") as out:
        for name, content in entries:
            out.writestr(name, content)
    return path


def test_what_is_packed_is_verified_without_the_folder(folder):
    path = pack(folder)
    shutil.rmtree(folder)
    assert path.name == f"{RUN}.zip"
    with unpack(path) as inside:
        assert verify(inside, KEYS, KEYS).wrong == []


def test_the_same_folder_is_the_same_file(folder):
    first = pack(folder).read_bytes()
    for path in folder.rglob("*"):
        path.touch()
    assert pack(folder).read_bytes() == first


def test_what_was_taken_out_is_gone_afterwards(packed):
    with unpack(packed) as inside:
        assert inside.name == RUN
    assert not inside.exists()


@pytest.mark.parametrize("name", ["../x", "/x", f"{RUN}/../../x", "x", "..\\x", f"{RUN}/a\\..\\..\\x"])
def test_nothing_is_put_outside(tmp_path, name):
    path = zipped(tmp_path / "bad.zip", (f"{RUN}/journal.jsonl", ""), (name, "evil"))
    with pytest.raises(EvidenceError, match="is not the archive of one run"), unpack(path):
        pass
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bad.zip"]


def test_an_archive_of_two_runs_is_none(tmp_path):
    path = zipped(tmp_path / "two.zip", ("a/journal.jsonl", ""), ("b/journal.jsonl", ""))
    with pytest.raises(EvidenceError, match="it holds a, b"), unpack(path):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_found(tmp_path):
    """Two programs may read two different ones."""
    path = zipped(tmp_path / "twice.zip", ("a/journal.jsonl", "x"), ("a/journal.jsonl", "y"))
    with pytest.raises(EvidenceError, match="not the archive of one run"), unpack(path):
        pass


def test_what_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(WrongUsage, match=r"There is no .*none\.zip"), unpack(tmp_path / "none.zip"):
        pass


def accepted(path):
    """Whether an archive passes: no traceback, whatever somebody made of it."""
    try:
        with unpack(path) as inside:
            return verify(inside, KEYS, KEYS, packed=True).ok
    except (EvidenceError, WrongUsage):
        return False


@settings(max_examples=150)
@given(data=st.data())
def test_any_byte_of_an_archive_that_is_another_is_found(packed, data):
    """Also where no file is: in headers, dates, modes, and in what no reader shows."""
    old = packed.read_bytes()
    at = data.draw(st.one_of(st.integers(0, len(old)), st.integers(len(old) - 1500, len(old)), st.integers(0, 200)))
    more = data.draw(st.binary(min_size=1, max_size=8))
    deed = data.draw(st.sampled_from(["change", "put in", "take out", "before", "after"]))
    new = {
        "change": old[:at] + more + old[at + len(more) :],
        "put in": old[:at] + more + old[at:],
        "take out": old[:at] + old[at + len(more) :],
        "before": more + old,
        "after": old + more,
    }[deed]
    path = packed.with_name("another.zip")
    path.write_bytes(new)
    assert accepted(path) is (new == old)


def again(packed, edited):
    """The same archive, written by somebody else: *edited* sees every entry with its content, and what writes them."""
    path = packed.with_name("again.zip")
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        edited([(info, old.read(info)) for info in old.infolist()], new)
    return path


def _all(entries, new):
    for info, content in entries:
        new.writestr(info, content)


def _reversed(entries, new):
    _all(reversed(entries), new)


def _comment(entries, new):
    _all(entries, new)
    new.comment = b"approved by bob"


def _date(entries, new):
    entries[0][0].date_time = (2026, 11, 24, 8, 0, 0)
    _all(entries, new)


def _mode(entries, new):
    entries[0][0].external_attr = 0o755 << 16
    _all(entries, new)


def _squeezed(entries, new):
    entries[0][0].compress_type = zipfile.ZIP_DEFLATED
    _all(entries, new)


def _folder(entries, new):
    _all(entries, new)
    new.mkdir(f"{RUN}/more")


def _second(entries, new):
    _all(entries, new)
    new.mkdir("more")


def _of_a_file(entries, new):
    entries[0][0].comment = b"x"
    _all(entries, new)


def _extra(entries, new):
    entries[0][0].extra = b"\x99\x99\x04\x00abcd"
    _all(entries, new)


@pytest.mark.parametrize("edited", [
    _reversed, _comment, _date, _mode, _squeezed, _folder, _second, _of_a_file, _extra,
])  # fmt: skip
def test_an_archive_with_the_same_files_is_another_all_the_same(packed, edited):
    assert again(packed, _all).read_bytes() == packed.read_bytes()
    assert not accepted(again(packed, edited))


def test_what_a_file_says_that_was_packed_again_is_still_not_what_was_signed(folder):
    (folder / "01_network.html").write_text("another", encoding="utf-8")
    with unpack(pack(folder)) as inside:
        assert verify(inside, KEYS, KEYS, packed=True).wrong == [
            "01_network.html: was changed after the run was closed"
        ]


def test_an_approval_given_later_lies_in_the_folder_and_never_in_the_archive(folder):
    """The archive is what was packed at the end, and what the bucket holds: it stays as it is."""
    first = pack(folder)
    approved(folder, ANN, "ann")
    assert verify(folder, KEYS, KEYS).ok
    assert accepted(first)
    with unpack(pack(folder)) as inside:
        assert verify(inside, KEYS, KEYS, packed=True).wrong == [
            "approvals/ann.dsse.json: was added after the run was packed"
        ]


def test_an_archive_may_be_called_as_one_likes(packed):
    assert accepted(shutil.copy(packed, packed.with_name("evidence (1).zip")))


def test_a_small_file_that_would_become_a_huge_one_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{RUN}/journal.jsonl", b"0" * 10_000_000)
    with pytest.raises(EvidenceError, match="is not as it was packed"), unpack(path):
        pass
