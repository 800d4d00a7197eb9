"""What a run came to is read from its journal: the command tells the same that an auditor reads."""

from dataclasses import replace

import pytest

from runbook_lib.journal.journal import Journal
from runbook_lib.journal.summary import Summary, ended_notebooks, is_locked, summarize


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


@pytest.fixture
def network(path):
    return Journal(path, notebook="01_network")


@pytest.fixture
def data(path):
    return Journal(path, notebook="02_data")


def planned(journal, fingerprint, *, present=True, **count):
    journal.write("plan", fingerprint=fingerprint, present=present, count=count)


def changed(journal, key, action, *, ok=True):
    journal.write("change", key=key, action=action, ok=ok)


def test_nothing_is_known_of_a_notebook_that_wrote_nothing(path):
    """Nor of a run that wrote no journal: nothing is claimed, neither that it was verified nor that it was not."""
    assert summarize(path, "01_network") == Summary("01_network", {}, (), "", {}, {}, None, "", ())
    assert ended_notebooks(path) == set()
    assert not is_locked(path)


def test_a_notebook_has_its_own_sum(path, network, data):
    """Several write to one journal, in any order."""
    planned(network, "aaaa", create=2, keep=5)
    planned(data, "bbbb", update=1)
    changed(network, "subnet.a", "create")
    changed(data, "db_instance.database", "update")
    changed(network, "subnet.b", "create")
    changed(network, "vpc.main", "update")
    found = summarize(path, "01_network")
    assert (found.fingerprint, found.plan_counts, found.changes) == ("aaaa", {"create": 2, "keep": 5}, 2)
    assert found.completed == {"create": 2, "update": 1}
    assert found.changed == {"create": ("subnet.a", "subnet.b"), "update": ("vpc.main",)}
    assert summarize(path, "02_data").completed == {"update": 1}


def test_what_failed_was_not_done(path, network):
    changed(network, "vpc.main", "create", ok=False)
    assert summarize(path, "01_network").completed == {}


def test_the_plan_that_counts_is_the_first_of_its_direction(path, network):
    """A plan run also plans the removal, and a cell may be run again: neither is what the reviewer saw."""
    planned(network, "gone", present=False, delete=7)
    planned(network, "before", create=3)
    planned(network, "after", keep=3)
    assert (summarize(path, "01_network").fingerprint, summarize(path, "01_network").changes) == ("before", 3)
    assert summarize(path, "01_network", present=False).fingerprint == "gone"


def test_what_stands_in_the_way_is_something_to_do(path, network):
    """And its plan says that it is blocked, not "to blocked"."""
    planned(network, "aaaa", update=2, blocked=1, keep=5)
    summary = summarize(path, "01_network")
    assert (summary.changes, summary.is_blocked, summary.plan_text) == (3, True, "2 to update, 1 blocked")


def test_the_last_verdict_counts(path, network):
    """A notebook that failed to verify, was mended and verified again is verified."""
    for ok in (False, True):
        network.write("verify", ok=ok)
    assert summarize(path, "01_network").verified is True
    network.write("verify", ok=False)
    assert summarize(path, "01_network").verified is False


def test_the_site_is_where_the_load_balancer_answers(path, network):
    network.write("inventory", resources=[{"key": "vpc.main", "detail": {"dns_name": "no.site"}}])
    network.write("inventory", resources=[{"key": "load_balancer.web", "detail": {"dns_name": "web.example.com"}}])
    assert summarize(path, "01_network").site == "web.example.com"


def test_orphans_are_named_as_last_seen(path, network):
    """By key; by ARN when no tag holds a key."""
    network.write("strays", found=[{"key": "a", "arn": "arn:a"}, {"key": "b", "arn": "arn:b"}])
    network.write("strays", found=[{"key": "a", "arn": "arn:a"}, {"key": "", "arn": "arn:c"}])
    assert summarize(path, "01_network").orphans == ["a", "arn:c"]


def test_what_a_destroy_left_is_named_once_with_its_id(path, network):
    """A destroy that is repeated finds the same bucket again."""
    for _ in range(2):
        network.write("left", key="bucket.runbook", id="prod-runbook", reason="kept")
    assert summarize(path, "01_network").remainders == (("bucket.runbook", "prod-runbook", "kept"),)


def test_a_notebook_that_ended_will_do_no_more(path, network, data):
    network.write("ended", state="failed")
    data.write("open")
    assert ended_notebooks(path) == {"01_network"}


def test_a_run_holds_the_lock_until_it_gave_it_back(path, network, data):
    network.write("lock", held=True)
    data.write("open")
    assert is_locked(path)
    data.write("lock", held=False)
    assert not is_locked(path)


def test_a_line_that_a_crash_cut_short_costs_only_itself(path, network, data):
    """The lock is still given back, and the rest still told, when a process died while it wrote."""
    network.write("lock", held=True)
    network.write("change", key="vpc.main", action="create", ok=True)
    network.write("change", key="subnet.a", action="create", ok=True)
    path.write_bytes(path.read_bytes()[:-20])
    data.write("ended", state="done")
    assert is_locked(path)
    assert ended_notebooks(path) == {"02_data"}
    assert summarize(path, "01_network").changed == {"create": ("vpc.main",)}


def test_a_line_that_is_being_written_is_not_there_yet(path, network):
    """One notebook looks how far the others are, while they write."""
    network.write("ended", state="done")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert ended_notebooks(path) == {"01_network"}


def test_all_of_it_is_read_back(path, network):
    """What the command prints, the pull request shows and the report repeats."""
    network.write(
        "plan", fingerprint="aaaa", present=True, count={"create": 1}, changes=[{"key": "vpc.main"}],
        reasons=[["vpc.main", "because"]], parts=[["vpc.main", "all"]], differences=[["vpc.main", {"tags": ["+ a"]}]],
    )  # fmt: skip
    changed(network, "vpc.main", "create")
    changed(network, "vpc.main", "create")
    network.write("verify", ok=True)
    network.write("check", claim="one", ok=False)
    network.write("check", claim="two", ok=True)
    network.write("check", claim="one", ok=True)
    for number in (1, 2):
        row = {"name": f"quota {number}", "result": "ok", "finding": "9 left", "fix": "Ask.", "more": "x"}
        network.write("preflight", rows=[row, {"name": "nothing else"}])
    network.write("left", key="bucket.runbook")
    network.write("inventory", when="before", resources=[{"key": "load_balancer.web", "detail": {"dns_name": "old"}}])
    network.write("inventory", when="after", resources=[{"key": "load_balancer.web", "detail": {"dns_name": "new"}}])
    network.write("strays", found=[{}])
    found = summarize(path, "01_network")
    assert [(check["claim"], check["ok"]) for check in found.checks] == [("one", True), ("two", True)]
    assert replace(found, checks=()) == Summary(
        "01_network", {"create": 1}, [{"key": "vpc.main"}], "aaaa", {"create": 2}, {"create": ("vpc.main",)}, True,
        "new", ["?"], {"vpc.main": "because"}, {"vpc.main": "all"}, (("bucket.runbook", "", ""),),
        {"vpc.main": {"tags": ["+ a"]}}, (),
        (("quota 2", "ok", "9 left", "Ask."), ("nothing else", "", "", "")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "text", "changes", "blocked"),
    [
        ({}, "nothing to do", 0, False), ({"keep": 4}, "nothing to do", 0, False),
        ({"blocked": 2}, "2 blocked", 2, True),
        ({"blocked": 1, "create": 2, "delete": 3, "keep": 4}, "2 to create, 3 to delete, 1 blocked", 6, True),
    ],
)  # fmt: skip
def test_a_plan_is_told_in_numbers(path, network, count, text, changes, blocked):
    planned(network, "aaaa", **count)
    summary = summarize(path, "01_network")
    assert (summary.plan_text, summary.changes, summary.is_blocked) == (text, changes, blocked)


def test_the_preflight_that_counts_is_the_last(path, network):
    for result in ("first", "second", "third"):
        network.write("preflight", rows=[{"name": "quota", "result": result}])
    assert summarize(path, "01_network").preflight == (("quota", "third", "", ""),)
    network.write("preflight")
    assert summarize(path, "01_network").preflight == ()


def test_a_load_balancer_without_a_name_yet_is_no_site(path, network):
    network.write("inventory", resources=[{"key": "load_balancer.web", "detail": {}}])
    assert summarize(path, "01_network").site == ""


def test_what_was_written_without_a_notebook_is_of_none(path, network):
    Journal(path).write("plan", fingerprint="run", present=True, count={"create": 1})
    planned(network, "aaaa", keep=1)
    assert summarize(path, "01_network").fingerprint == "aaaa"


def test_an_older_journal_has_mappings(path, network):
    network.write("plan", fingerprint="a", present=True, count={}, reasons={"a": "why"}, parts={"a": "all"})
    summary = summarize(path, "01_network")
    assert (summary.reasons, summary.parts, summary.differences) == ({"a": "why"}, {"a": "all"}, {})


def test_what_a_destroy_left_of_several_things_is_in_its_order(path, network):
    for key, id_ in (("bucket.b", "b"), ("bucket.a", "a"), ("bucket.b", "b"), ("bucket.b", "b2")):
        network.write("left", key=key, id=id_, reason="kept")
    network.write("left")
    assert summarize(path, "01_network").remainders == (
        ("bucket.b", "b", "kept"), ("bucket.a", "a", "kept"), ("bucket.b", "b2", "kept"), ("", "", ""),
    )  # fmt: skip


def test_all_that_ended_and_the_last_word_of_the_lock(path, network, data):
    network.write("ended", state="done")
    data.write("ended", state="failed")
    assert ended_notebooks(path) == {"01_network", "02_data"}
    for held in (False, True):
        network.write("lock", held=held)
        assert is_locked(path) is held
