"""What is missing of a run, from its events and its files alone: also of a run that did not do much."""

import pytest

from runbook_lib.evidence.verification.completeness import find_gaps
from runbook_lib.journal.journal import MANIFEST

NETWORK = "01_network"
FILES = ("report.html", "plan.json", "changes.csv", "checks.csv", "timeline.svg")
ALWAYS = {f"{name}: is missing, and the journal has its content" for name in FILES}
NO_PAGE = f"{NETWORK}.html: is missing, and the notebook was run"


def event(kind, **fields):
    return {"event": kind, "notebook": NETWORK, "at": "2026-11-24T08:00:00+00:00"} | fields


def gaps(folder, *events, mode="apply", requested=True, closed=False):
    """What is missing, each with whether it is serious, of a run with these events."""
    start = {"notebooks": [NETWORK] if requested else []} | ({"mode": mode} if mode else {})
    if closed:
        (folder / MANIFEST).write_text("{}")
    return {str(gap): gap.serious for gap in find_gaps(folder, [event("run", notebook="runner", **start), *events])}


OPEN = event("open", parameters={"env": "prod"})
CELLS = event("cells", outcome="succeeded", cells=[])
FAILED, DONE = event("ended", state="failed", cell=0), event("ended", state="done", cell=0)
CHANGE = event("change", key="thing.a", ok=True, action="create", fields={})
NO_PLAN = f"{NETWORK}: was changed, and the journal has no plan for it"


@pytest.mark.parametrize(
    ("mode", "opened", "message"),
    [
        ("plan", {"mode": "apply"}, NO_PLAN),
        ("apply", {"mode": "plan"}, f"{NETWORK}: was changed, although its mode was plan"),
        ("apply", None, NO_PLAN),
        ("verify", None, f"{NETWORK}: was changed, although its mode was verify"),
        (None, None, f"{NETWORK}: was changed, although its mode was none"),
        ("", {}, f"{NETWORK}: was changed, although its mode was none"),
    ],
)
def test_a_notebook_s_own_mode_counts_before_that_of_the_run(tmp_path, mode, opened, message):
    """A kernel that goes on may have been opened for something else."""
    own = [] if opened is None else [event("open", parameters={"env": "prod"}, **opened)]
    assert gaps(tmp_path, *own, CHANGE, FAILED, mode=mode) == {message: True}


@pytest.mark.parametrize(("present", "verb"), [(True, "apply"), (False, "destroy")])
def test_a_plan_is_kept_in_the_file_of_what_it_does(tmp_path, present, verb):
    plan = event("plan", present=present, fingerprint="f" * 16, changes=[], stack="network")
    name = f"plans/{NETWORK}-{verb}-{'f' * 16}.json"
    assert gaps(tmp_path, plan, FAILED) == {f"{name}: is missing, and the journal has this plan": True}
    (tmp_path / "plans").mkdir()
    (tmp_path / name).write_text("{}")
    assert gaps(tmp_path, plan, FAILED) == {f"{name}: is not a plan": True}


def test_a_notebook_that_is_kept_has_a_page_even_if_none_of_its_cells_ran(tmp_path):
    (tmp_path / f"{NETWORK}.ipynb").write_text("{}")
    assert gaps(tmp_path, FAILED) == {NO_PAGE: True}
    (tmp_path / f"{NETWORK}.html").write_text("")
    assert gaps(tmp_path, FAILED) == {}


def done(folder, *events, mode="apply", **more):
    """Of a notebook that is done, whose files are there."""
    for suffix in (".ipynb", ".html"):
        (folder / f"{NETWORK}{suffix}").write_text("")
    found = gaps(folder, OPEN | {"mode": mode}, CELLS, *events, DONE, mode=mode, **more)
    return {what: serious for what, serious in found.items() if not what.startswith("plans/")}


PLAN = {present: event("plan", present=present, fingerprint="f" * 16, changes=[], stack="network")
        for present in (True, False)}  # fmt: skip
BEFORE, AFTER = (event("inventory", when=when, stack="network", resources=[]) for when in ("before", "after"))


def test_a_notebook_without_a_plan_needs_no_state_before(tmp_path):
    """One that was started by hand, and only looked."""
    assert done(tmp_path, requested=False) == {}
    assert done(tmp_path, PLAN[True], requested=False) == {
        f"{NETWORK}: the journal does not have the state before it": True
    }
    assert done(tmp_path) == {f"{NETWORK}: is done, and the journal has no plan for it": True}


@pytest.mark.parametrize(
    ("mode", "changes", "missed"),
    [("apply", [CHANGE], True), ("destroy", [CHANGE], False), ("apply", [], False), ("plan", [], False)],
)
def test_what_an_apply_has_changed_is_verified(tmp_path, mode, changes, missed):
    """What is gone has no desired state."""
    told = f"{NETWORK}: was changed, and the journal does not say that it was verified"
    assert done(tmp_path, PLAN[mode != "destroy"], BEFORE, *changes, mode=mode) == ({told: True} if missed else {})


@pytest.mark.parametrize(
    ("events", "ended", "missed"),
    [
        ([PLAN[True], BEFORE], DONE, False),
        ([PLAN[True], BEFORE, CHANGE], DONE, True),
        ([PLAN[True], BEFORE, CHANGE, AFTER], DONE, False),
        ([PLAN[True], BEFORE, AFTER, CHANGE], DONE, True),
        ([PLAN[True], BEFORE, CHANGE], FAILED, True),
        ([CHANGE], FAILED, False),
        ([PLAN[True] | {"stack": "data"}, CHANGE], FAILED, False),
        ([PLAN[True] | {"stack": "data"}, BEFORE, CHANGE], DONE, True),
    ],
)
def test_the_state_after_the_last_change_is_in_the_journal_of_a_closed_run(tmp_path, events, ended, missed):
    told = f"{NETWORK}: was changed, and the journal does not have the state afterwards"
    assert (told in gaps(tmp_path, OPEN, *events, CELLS, ended, closed=True)) is missed
    (tmp_path / MANIFEST).unlink()
    assert told not in gaps(tmp_path, OPEN, *events, CELLS, ended)


THING = {"key": "thing.a", "kind": "thing", "id": "t-1", "status": "ready", "state": {}}
TOPOLOGY = {"at": "2026-11-24T08:00:00Z", "env": "prod", "account": "123456789012", "region": "us-west-2"}


@pytest.mark.parametrize(
    ("own", "names"),
    [
        (event("controls"), []),
        (event("check", claim="c", ok=True, found={"result": "pass"}), []),
        (event("check", claim="c", ok=True, found={"result": "pass", "control": "EC2.1"}),
         ["controls.csv", "controls.ocsf.json"]),
        (OPEN, ["parameters.json"]),
        (event("topology", seen=TOPOLOGY), ["topology.svg"]),
        (BEFORE | {"resources": [THING]}, ["resources-before.csv", "resources-before.json"]),
        (AFTER | {"resources": [THING]}, ["resources-after.csv", "resources-after.json"]),
    ],
)  # fmt: skip
def test_a_closed_run_has_the_files_that_its_journal_fills(tmp_path, own, names):
    expected = ALWAYS | {f"{name}: is missing, and the journal has its content" for name in names}
    assert gaps(tmp_path, own, FAILED, closed=True) == dict.fromkeys(expected, True)
    for name in (*FILES, *names):
        (tmp_path / name).write_text("")
    assert gaps(tmp_path, own, FAILED, closed=True) == {}


def test_every_notebook_in_the_folder_has_a_page(tmp_path):
    """Told once, also of one that the run has named; the others in the order of their names."""
    for name in FILES:
        (tmp_path / name).write_text("")
    for stem in (NETWORK, "09_more", "03_more", "05_more"):
        (tmp_path / f"{stem}.ipynb").write_text("{}")
    (tmp_path / "05_more.html").write_text("")
    more = [f"{stem}.html: is missing, and there is such a notebook" for stem in ("03_more", "09_more")]
    assert [*gaps(tmp_path, FAILED, closed=True)] == [NO_PAGE, *more]
    assert [*gaps(tmp_path, FAILED, closed=True)] == [NO_PAGE, *more]
    (tmp_path / MANIFEST).unlink()
    assert [*gaps(tmp_path, FAILED)] == [NO_PAGE]


def test_a_run_without_notebooks_has_no_timeline(tmp_path):
    (tmp_path / MANIFEST).write_text("{}")
    events = [{"event": "unlock", "at": "2026-11-24T08:00:00+00:00"}]
    found = [str(gap) for gap in find_gaps(tmp_path, events)]
    assert found == [f"{name}: is missing, and the journal has its content" for name in FILES[:-1]]
