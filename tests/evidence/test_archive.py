"""One file of a run attaches to a ticket: it says the same as the folder, and nothing gets out of it sideways."""

import shutil
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.errors import EvidenceError, WrongUsage
from runbook_lib.evidence.archive import pack, unpacked
from runbook_lib.evidence.verify import verify
from tests.evidence.bundles import KEYS, RUN, bundle


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
    with unpacked(path) as inside:
        assert verify(inside, KEYS, KEYS).wrong == []


def test_the_same_folder_is_the_same_file(folder):
    first = pack(folder).read_bytes()
    for path in folder.rglob("*"):
        path.touch()
    assert pack(folder).read_bytes() == first


def test_what_was_taken_out_is_gone_afterwards(packed):
    with unpacked(packed) as inside:
        assert inside.name == RUN
    assert not inside.exists()


@pytest.mark.parametrize("name", ["../x", "/x", f"{RUN}/../../x", "x", "..\\x", f"{RUN}/a\\..\\..\\x"])
def test_nothing_is_put_outside(tmp_path, name):
    path = zipped(tmp_path / "bad.zip", (f"{RUN}/journal.jsonl", ""), (name, "evil"))
    with pytest.raises(EvidenceError, match="is not the archive of one run"), unpacked(path):
        pass
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bad.zip"]


def test_an_archive_of_two_runs_is_none(tmp_path):
    path = zipped(tmp_path / "two.zip", ("a/journal.jsonl", ""), ("b/journal.jsonl", ""))
    with pytest.raises(EvidenceError, match="it holds a, b"), unpacked(path):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_found(tmp_path):
    """Two programs may read two different ones."""
    path = zipped(tmp_path / "twice.zip", ("a/journal.jsonl", "x"), ("a/journal.jsonl", "y"))
    with pytest.raises(EvidenceError, match="not the archive of one run"), unpacked(path):
        pass


def test_what_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(WrongUsage, match=r"There is no .*none\.zip"), unpacked(tmp_path / "none.zip"):
        pass


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_spoilt_archive_is_refused_or_holds_what_was_signed(packed, data):
    """Whatever byte of it is another one: no traceback, and never other evidence that passes."""
    content = bytearray(packed.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = packed.with_name("spoilt.zip")
    path.write_bytes(content)
    try:
        with unpacked(path) as inside:
            ok = verify(inside, KEYS, KEYS).ok
            same = all(
                (inside / p.relative_to(packed.with_suffix(""))).read_bytes() == p.read_bytes()
                for p in packed.with_suffix("").rglob("*")
                if p.is_file() and ok
            )
            assert same
    except (EvidenceError, WrongUsage):
        pass
