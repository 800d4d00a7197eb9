"""The report says yes only when nothing in the journal says otherwise."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from runbook_lib.evidence.report import exports, inventory
from runbook_lib.evidence.report.conclusion import NO, UNKNOWN, YES, conclude
from runbook_lib.evidence.report.page import render_report, write_report
from runbook_lib.evidence.report.run_record import read_run
from runbook_lib.evidence.tables import write_table
from runbook_lib.evidence.topology import draw_topology
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.reader import events_of
from tests.support.programs import find_program
from tests.support.topologies import environment

ZERO = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
CALLER = "arn:aws:sts::123456789012:assumed-role/runbook/noor"


class Run:
    """A run's folder, written as the library writes it, one line a second."""

    def __init__(self, folder):
        self.folder, self._at = folder, ZERO

    def _now(self):
        self._at += timedelta(seconds=1)
        return self._at

    def write(self, notebook, event, **data):
        Journal(self.folder / "journal.jsonl", clock=self._now, notebook=notebook).write(event, **data)
        return self

    def opened(self, notebook="01_network", mode="apply", **more):
        where = {"env": "prod", "account": "123456789012", "region": "us-west-2", "caller": CALLER}
        return self.write(notebook, "open", **{**where, "mode": mode, "change": "CHG0012345", "approved": "", **more})

    def planned(self, *keys, notebook="01_network", action="create", present=True, **fields):
        changes = [{"key": key, "action": action, "fields": fields} for key in keys]
        return self.write(notebook, "plan", fingerprint="8acdec61fcdf580c", present=present, changes=changes)

    def changed(self, key, notebook="01_network", *, ok=True, action="create", **more):
        times = {"waited": 0.25, "sent": 0.5, "took": 0.75, "id": "vpc-1", "ready": True, "fields": {}}
        return self.write(notebook, "change", ok=ok, key=key, action=action, **{**times, **more})

    def verified(self, notebook="01_network", *, ok=True):
        return self.write(notebook, "verify", stack="network", ok=ok, failed=[])

    def checked(self, claim="Nothing is open", *, ok=True, found=()):
        return self.write("01_network", "check", claim=claim, ok=ok, found=list(found))

    def seen(self):
        return self.write("01_network", "topology", seen=environment().model_dump(mode="json"))

    def ended(self, notebook="01_network", state="done", **more):
        return self.write(notebook, "ended", state=state, **more)

    @property
    def record(self):
        return read_run(events_of(self.folder / "journal.jsonl"))

    def concluded(self, *, intact=True):
        return conclude(self.record, intact=intact)

    @property
    def page(self):
        return render_report(self.folder)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run-1")


def whole(run):
    """A run in which all went well."""
    run.opened().planned("vpc.main", "subnet.a").changed("vpc.main").changed("subnet.a", id="subnet-1")
    return run.checked().verified().seen().ended()


def text(page):
    """What a reader sees of a page."""
    seen = re.sub(r"<(style|desc|title)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", seen).split())


def test_a_run_in_which_all_went_well_may_be_called_done(run):
    found = whole(run).concluded()
    assert (found.verdict, {reason.verdict for reason in found.reasons}) == (YES, {YES})
    assert "It is done. Applied, and verified afterwards: 01_network." in text(run.page)


def origin(**more):
    """The event of a notebook that is the one of its commit, but for *more*."""
    return {"digest": "ab" * 32, "commit": "c0ffee" * 6, "known": True, "cells": [], "left_out": [], **more}


def test_a_notebook_that_differs_from_the_commit_may_not_be_called_done(run):
    """It is said which cells differ; a journal of an older version says nothing about it."""
    found = whole(run).write("01_network", "origin", **origin()).concluded()
    assert found.verdict == YES
    assert "01_network is that of commit c0ffeec0ffee." in [reason.text for reason in found.reasons]
    cells = [{"what": "changed", "cell": 17, "section": "Verify"}]
    run.write("01_network", "origin", **origin(cells=cells, left_out=["reachability"]))
    said = (
        "01_network differs from that of commit c0ffeec0ffee: cell 17 changed (Verify)."
        " It leaves out the check reachability."
    )
    assert (run.concluded().verdict, said in text(run.page)) == (UNKNOWN, True)
    run.write("01_network", "origin", **origin(known=False))
    assert "01_network is in no commit" in text(run.page)
    assert run.concluded().verdict == UNKNOWN


@pytest.mark.parametrize(
    ("prepare", "verdict", "why"),
    [
        (lambda run: whole(run).ended(state="failed", why="AWS said no"), NO, "01_network: failed, AWS said no."),
        (lambda run: whole(run).ended(state="failed", why="AWS said no."), NO, "01_network: failed, AWS said no."),
        (lambda run: whole(run).ended(state="not run"), NO, "01_network: not run."),
        (lambda run: whole(run).ended(state="interrupted"), NO, "01_network: interrupted."),
        (lambda run: whole(run).opened("02_data"), UNKNOWN, "How 02_data ended is not known"),
        (lambda run: whole(run).write("runner", "run", notebooks=["04_deploy"]), UNKNOWN, "How 04_deploy ended is"),
        (lambda run: whole(run).verified(ok=False), NO, "Resources differ from the parameters"),
        (lambda run: run.opened().changed("vpc.main").ended(), UNKNOWN, "Not verified: 01_network."),
        (lambda run: whole(run).changed("subnet.b").ended(), UNKNOWN, "Not verified: 01_network."),
        (lambda run: whole(run).checked(ok=False), NO, "Failed checks: Nothing is open."),
        (lambda run: run.opened().planned("vpc.main").ended(), NO, "Planned, and not made: vpc.main."),
        (lambda run: run.opened().changed("vpc.main", ok=False).ended(), NO, "Failed: vpc.main."),
        (lambda run: whole(run).write("01_network", "cells", outcome="incomplete", cells=[]), NO, "incomplete"),
        (lambda run: run, UNKNOWN, "No notebook has recorded anything."),
    ],
)  # fmt: skip
def test_one_reason_against_it_is_enough(run, prepare, verdict, why):
    """What nobody recorded is not known, and that is not a yes."""
    found = prepare(run).concluded()
    assert found.verdict == verdict
    assert any(why in reason.text for reason in found.reasons)
    assert not any(".." in reason.text for reason in found.reasons)


def test_what_failed_and_then_succeeded_is_done(run):
    """By another attempt, or according to a later verification."""
    run.opened().planned("vpc.main").changed("vpc.main", ok=False, error="RequestRejected: no").changed("vpc.main")
    assert run.verified().ended().concluded().verdict == YES


def test_a_changed_journal_proves_nothing(run):
    whole(run)
    path = run.folder / "journal.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("subnet-1", "subnet-2"), encoding="utf-8")
    assert "The journal was changed or truncated" in text(run.page)
    assert '<p class="word">No</p>' in run.page


def test_without_a_journal_nothing_is_known(tmp_path):
    """And nothing is guessed: not even that nothing was changed."""
    seen = text(render_report(tmp_path))
    assert "There is no journal." in seen
    for claim in ("Nothing was changed", "nobody: the run had no approval", "Change none", "nothing to undo"):
        assert claim not in seen


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("plan", "The plan is complete, of 01_network. Nothing was changed."),
        ("verify", "Nothing in 01_network differs from the parameters."),
        ("destroy", "It is done. Destroyed: 01_network."),
    ],
)
def test_each_mode_has_its_own_conclusion(run, mode, sentence):
    run.opened(mode=mode)
    if mode == "verify":
        run.verified()
    if mode == "destroy":
        run.planned("vpc.main", action="delete", present=False).changed("vpc.main", action="delete")
    assert run.ended().concluded().text == sentence


def test_a_destroy_does_not_need_the_changes_of_an_apply_plan(run):
    run.opened(mode="destroy").planned("vpc.main", present=True).ended()
    assert run.concluded().verdict == YES


def test_people_are_named_or_shown_as_unknown(run):
    """Who ran it, who approved which plan by name, and what was approved without one."""
    run.opened(approved="8acdec61fcdf580c,9894f01360e8e0e3")
    run.write("01_network", "approved", by="Amira", plan="prod/123456789012/us-west-2/network/8acdec61fcdf580c")
    seen = text(run.page)
    assert f"Run by {CALLER}" in seen
    assert "Amira: prod/123456789012/us-west-2/network/8acdec61fcdf580c used on" in seen
    assert "unknown: 9894f01360e8e0e3 Run by" in seen
    assert "Change CHG0012345" in seen
    assert "Asked for by not known" in seen


def test_a_run_for_which_nothing_was_approved_names_no_plan(run):
    run.opened(approved="nothing")
    assert "unknown:" not in text(run.page)


def test_an_approval_shows_when_it_was_signed_and_used_when_it_expires_and_the_second_signer(run):
    """Several notebooks used the same statement: the first use is shown."""
    run.opened()
    fields = {"by": "Amira", "signed": "2026-11-24T07:00:00+00:00", "expires": "2026-11-27T07:00:00+00:00"}
    for notebook in ("01_network", "02_data"):
        run.write(notebook, "approved", plan="prod/network/8acdec61fcdf580c", operator="noor", **fields)
    seen = text(run.page)
    assert seen.count("Amira:") == 1
    assert (
        "Amira: prod/network/8acdec61fcdf580c signed 2026-11-24 at 07:00:00 UTC; used on 2026-11-24 at 08:00:02 UTC;"
        " expires 2026-11-27 at 07:00:00 UTC; operator: noor, who signed as well" in seen
    )


def test_a_missing_checkout_is_not_a_commit_that_was_not_recorded(run):
    run.write("runner", "run", notebooks=["01_network"], mode="apply")
    assert "From commit not known With" in text(run.page)
    run.opened(source={})
    assert "From commit not known: the code was not a git checkout" in text(run.page)
    run.opened("02_data", source={"commit": "c0ffee", "clean": False})
    assert "From commit c0ffee , with uncommitted changes" in text(run.page)


def test_it_says_what_changed_from_what_to_what(run):
    run.opened().changed("db_instance.database", action="update", fields={"backup_days": [1, 7]})
    run.changed("vpc.main").changed("subnet.a").changed("subnet.b").changed(
        "nat_gateway.a", ok=False, error="RequestRejected: no"
    )
    seen = text(run.page).replace("\xa0", " ")
    for phrase in ("backup_days: 1 → 7", "3 created vpc, 2 × subnet", "1 changed db_instance.database",
                 "1 to create: failed nat_gateway.a", "RequestRejected: no"):  # fmt: skip
        assert phrase in seen


def test_it_names_what_a_destroy_left_with_its_id(run):
    run.opened(mode="destroy").changed("db_instance.database", action="delete")
    run.write(
        "01_network", "left", key="db_instance.database", id="prod-database-final-db-1", reason="its last snapshot"
    )
    assert "prod-database-final-db-1 its last snapshot db_instance.database" in text(run.page)


def test_a_manual_step_is_shown_with_its_reason_and_who_did_it(run):
    """And questions, also those that were not confirmed."""
    who = {"caller": CALLER, "operator": "noor on build-7"}
    whole(run)
    assert "Manual steps" not in text(run.page)
    run.write("01_network", "by_hand", keys=["bucket.runbook", "vpc.main"], reason="made in the console", **who)
    run.write("01_network", "confirm", question="Remove the data?", phrase="prod", ok=True, **who)
    run.write("01_network", "confirm", question="Go on?", phrase="prod", ok=False, error="Unconfirmed: not 'no'", **who)
    seen = text(run.page)
    by = f"noor on build-7 {CALLER} 01_network"
    assert f"bucket.runbook vpc.main made in the console {by}" in seen
    assert f"Remove the data? confirmed {by}" in seen
    assert f"Go on? not confirmed Unconfirmed: not &#39;no&#39; {by}" in seen
    assert [(step.what, step.is_question, step.ok) for step in run.record.manual_steps] == [
        (("bucket.runbook", "vpc.main"), False, True), (("Remove the data?",), True, True), (("Go on?",), True, False),
    ]  # fmt: skip


def test_a_manual_step_is_not_known_to_be_done_until_it_is_verified(run):
    run.opened().planned("vpc.main", "subnet.a").changed("subnet.a")
    run.write("01_network", "by_hand", keys=["vpc.main"], reason="made in the console").ended()
    found = run.concluded()
    assert found.verdict == UNKNOWN
    assert "Reported as done manually, and not verified since: vpc.main." in {reason.text for reason in found.reasons}
    assert run.verified().concluded().verdict == YES


def test_it_says_how_to_undo_it(run):
    """What was created, changed and deleted is undone in different ways."""
    run.opened().changed("vpc.main")
    assert "runbook destroy --env prod --confirm prod" in text(run.page)
    assert "old values" not in text(run.page)
    run.changed("vpc.main", action="update").changed("db_instance.database", action="delete")
    assert "put the old values, which are under Every change , below, back into params/prod.yaml" in text(run.page)
    assert '<a href="#every">Every change</a>, below' in run.page
    assert "Changes that corrected drift at AWS cannot be undone this way" in text(run.page)
    assert "restore these from a snapshot" in text(run.page)


def test_it_names_the_addresses_of_what_runs(run):
    rows = [
        {"key": "load_balancer.web", "id": "arn:lb", "detail": {"dns_name": "web-1.elb.amazonaws.com"}},
        {"key": "db_instance.database", "id": "db", "detail": {"endpoint": "db.rds.amazonaws.com", "port": 3306}},
        {"key": "alias_record.web", "id": "www.example.com", "detail": {}},
    ]
    run.opened().write("01_network", "inventory", when="after", stack="network", resources=rows)
    page = text(run.page)
    assert (
        "Site https://www.example.com/ Load balancer web-1.elb.amazonaws.com Database db.rds.amazonaws.com:3306" in page
    )


def test_what_is_only_looked_up_is_not_counted_as_a_resource_of_the_environment(run):
    """Amazon publishes the machine image: a run creates none."""
    rows = [{"key": "machine_image.al2023", "id": "ami-1", "external": True}, {"key": "vpc.main", "id": "vpc-1"}]
    for when in ("before", "after"):
        run.opened().write(
            "01_network", "inventory", when=when, stack="network", resources=rows[: 1 + (when == "after")]
        )
    assert "01_network 0 resources 1 resource " in text(run.page)


def test_what_was_looked_for_and_not_there_is_no_error(run):
    run.opened()
    for operation, error, write in (
        ("CreateRole", None, True), ("GetRole", "NoSuchEntity", False), ("PutObject", "PreconditionFailed", True),
        ("DescribeDBInstances", "DBInstanceNotFound", False), ("CreateVpc", "RequestLimitExceeded", True),
    ):  # fmt: skip
        run.write("01_network", "call", service="aws", operation=operation, error=error, write=write)
    page = text(run.changed("vpc.main").page)
    assert "Calls to AWS that write: aws 1." in page
    assert "“there already”, which is no error: aws 3." in page
    assert "Calls that failed; most were sent again: aws 1." in page


def test_the_contents_link_to_every_section(run):
    page = whole(run).page
    sections = re.findall(r'<h2 id="([\w-]+)">', page)
    assert re.findall(r'<li><a href="#([\w-]+)">', page) == [name for name in sections if name != "conclusion"]


def test_yaml_values_are_written_as_yaml_writes_them(run):
    run.opened(parameters={"multi_az": True, "kms_key": None, "zones": []}).changed(
        "vpc.main", action="update", fields={"dns": [False, True]}
    )
    page = text(run.page)
    assert "multi_az true" in page
    assert "kms_key null" in page
    assert "dns: false → true" in page


def test_an_outdated_drawing_says_so(run):
    """What was changed after the topology was read is not in it."""
    run.opened().changed("vpc.main").seen().changed("subnet.a").changed("subnet.b", ok=False)
    assert "1 change was made after this was read." in text(run.page)


def test_without_a_topology_there_is_no_drawing(run):
    run.opened().ended()
    assert "Not known: the networks were not read in this run." in text(run.page)
    assert 'id="topology"' not in run.page


def test_it_links_to_all_the_rest_of_the_folder(run):
    whole(run)
    (run.folder / "plans").mkdir()
    for name in ("01_network.html", "plans/a plan.json", ".hidden"):
        (run.folder / name).write_text("")
    write_report(run.folder)
    there = {p.relative_to(run.folder).as_posix() for p in run.folder.rglob("*") if p.is_file()}
    assert there == {
        "journal.jsonl", "report.html", "topology.svg", "timeline.svg", "changes.csv", "checks.csv", "plan.json",
        "01_network.html", "plans/a plan.json", ".hidden",
    }  # fmt: skip
    addresses = re.findall(r'<a href="([^"#]+)"', run.page)
    assert {a.replace("%20", " ") for a in addresses} == {*there, "manifest.dsse.json"} - {"report.html", ".hidden"}
    (run.folder / "manifest.dsse.json").write_text("{}")
    assert re.findall(r'<a href="([^"#]+)"', run.page) == addresses, "it is written before that file is there"
    assert "runbook evidence verify FOLDER" in text(run.page)


def test_it_can_be_made_again_from_the_files_alone(run):
    """The same page, byte for byte, whenever and wherever."""
    write_report(whole(run).folder)
    first = {p.name: p.read_bytes() for p in run.folder.iterdir()}
    write_report(run.folder)
    assert {p.name: p.read_bytes() for p in run.folder.iterdir()} == first
    moved = run.folder.rename(run.folder.with_name("elsewhere"))
    assert render_report(moved).replace("elsewhere", "run-1") == first["report.html"].decode()


class Reader(HTMLParser):
    """Collects the elements of a page, and what they load."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.loads = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [(name, value) for name, value in attributes if name in ("src", "href") or name.startswith("on")]


def test_it_runs_nothing_and_fetches_nothing(run):
    read = Reader(whole(run).page)
    assert set(read.tags) & {"script", "link", "img", "iframe", "object", "embed", "form"} == set()
    assert [value for name, value in read.loads if name != "href" or ":" in value.partition("/")[0]] == []
    assert "@import" not in run.page
    assert "url(" not in run.page


ODD = st.one_of(
    st.text(max_size=40), st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=y>', "{{ 7*7 }}"])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), ODD),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ODD, inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=25)
@given(words=ODD, value=VALUES)
def test_nothing_from_the_journal_becomes_markup(tmp_path_factory, words, value):
    """Whatever names AWS, an operator or somebody else in the account uses."""
    plain, odd = (Run(tmp_path_factory.mktemp("odd") / "run-1") for _ in range(2))
    for run, name, found in ((plain, "x", ["x"]), (odd, words, [value])):
        run.opened(change=name, caller=name).changed("vpc.main", id=name, fields={"x": [found, found]}, action="update")
        run.changed(f"subnet.{name}", ok=False, error=name).checked(name or "x", found=found)
        run.ended(state="failed", why=name)
    allowed = set(Reader(plain.page).tags)
    assert set(Reader(odd.page).tags) <= allowed | {"div", "title"}
    assert [name for name, _ in Reader(odd.page).loads if name != "href"] == []


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_of_changes_has_numbers_times_and_every_planned_change(run):
    run.opened().planned("vpc.main", "subnet.a", size=[None, 1]).changed(
        "vpc.main", fields={"cidr": [None, "10.0.0.0/16"]}
    )
    one, other = rows(exports.changes_csv(run.record))
    assert list(one) == list(exports.CHANGES)
    assert (one["at"], one["key"], one["result"]) == ("2026-11-24T08:00:03.000+00:00", "vpc.main", "done")
    assert (float(one["waited_seconds"]), float(one["took_seconds"])) == (0.25, 0.75)
    assert one["fields"] == '{"cidr": [null, "10.0.0.0/16"]}'
    assert (other["key"], other["result"], other["took_seconds"]) == ("subnet.a", "not made", "")


def test_the_list_of_changes_has_the_request_ids_of_their_calls(run):
    """Where that is certain: of the notebook's own writing calls during no other change."""
    run.opened()
    call = {"service": "ec2", "write": True, "error": None}
    run.write("01_network", "call", operation="CreateTags", request_id="req-0", **call)
    run.write("02_data", "call", operation="CreateDBInstance", request_id="req-1", **call)
    run.write("01_network", "call", operation="CreateVpc", request_id="req-2", **call)
    run.write("01_network", "call", operation="DescribeVpcs", request_id="req-3", **call | {"write": False})
    run.write("01_network", "call", operation="ModifyVpcAttribute", request_id="req-4", **call)
    run.changed("vpc.main", took=3.5).changed("subnet.a", took=0.5)
    run.write("01_network", "call", operation="DeleteSubnet", request_id="req-5", **call)
    run.changed("subnet.b", action="delete", took=2.5).changed("subnet.c", action="delete", took=3.5)
    assert [line["requests"] for line in rows(exports.changes_csv(run.record))] == [
        "ec2 CreateVpc req-2; ec2 ModifyVpcAttribute req-4", "", "", "",
    ]  # fmt: skip


def test_the_list_of_checks_has_claims_and_what_was_found(run):
    run.opened().checked("Nothing is open", ok=False, found=["db: tcp 3306"]).verified()
    one, other = rows(exports.checks_csv(run.record))
    assert list(one) == list(exports.CHECKS)
    assert (one["claim"], one["holds"], one["found"]) == ("Nothing is open", "false", '["db: tcp 3306"]')
    assert other["holds"] == "true"


@pytest.mark.parametrize("sign", "=+-@\t")
def test_no_spreadsheet_takes_a_text_for_a_formula(run, sign, tmp_path):
    """In any export: otherwise anybody who may name a resource could run formulas."""
    odd = f"{sign}HYPERLINK(A1)"
    run.opened().changed("vpc.main", ok=False, error=odd)
    assert rows(exports.changes_csv(run.record))[0]["error"] == f"'{odd}"
    line = {"key": "vpc.main", "id": odd, "status": odd, "size": -1}
    run.write("01_network", "inventory", when="after", stack="network", resources=[line])
    (row,) = rows(inventory.as_csv(run.record.after))
    assert (row["id"], row["status"], row["settings"]) == (f"'{odd}", f"'{odd}", '{"size": -1}')
    frame = pd.DataFrame({"size": [-1], odd: [odd]}, index=pd.Index([odd], name="resource"))
    path = write_table(tmp_path / "t.csv", frame)
    assert rows(path.read_text(encoding="utf-8")) == [{"resource": f"'{odd}", "size": "-1", f"'{odd}": f"'{odd}"}]
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["data"][0][odd] == odd


def test_it_shows_how_many_secrets_were_redacted(run):
    """The last count of each notebook: it grows from cell to cell."""
    whole(run)
    assert "Secrets were redacted" not in text(run.page)
    counted = [("01_network", {"known": 1}), ("01_network", {"known": 2, "password": 3}), ("02_data", {"known": 1})]
    for notebook, counts in counted:
        redactions = [{"kind": kind, "count": count} for kind, count in counts.items()]
        run.write(notebook, "cells", outcome="succeeded", cells=[], redactions=redactions)
    sentence = "Secrets were redacted in 6 places before anything was written, by kind: 3 known, 3 password."
    assert sentence in text(run.page)


def test_unknown_events_in_a_journal_are_ignored(run):
    """From a later version, or written manually."""
    whole(run).write("01_network", "topology", seen={"networks": 7}).write("01_network", "surprise", key=3)
    before = run.page
    assert 'id="topology"' in before


BROKEN_WORDS = """() => [...document.querySelectorAll('th[scope=col]')].filter(
  head => head.getClientRects().length && head.textContent.split(' ').length === 1 && head.clientHeight > 45
  ).map(head => head.textContent)"""
HIDDEN_VALUES = """() => [...document.querySelectorAll('#parameters ~ .scroll tr')].filter(
  row => row.lastElementChild.getBoundingClientRect().right > innerWidth).map(row => row.textContent)"""
FITS = """() => [...document.querySelectorAll('svg.picture')].flatMap(svg => [...svg.querySelectorAll('text')]
  .filter(text => {
    const own = text.parentElement.querySelector(':scope > rect.box') || svg.querySelector('rect.page')
    const [a, b] = [text.getBBox(), own.getBBox()]
    return a.x < b.x - 1 || a.y < b.y - 1 || a.x + a.width > b.x + b.width + 1 || a.y + a.height > b.y + b.height + 1
  }).map(text => text.textContent))"""


def test_in_a_real_browser_it_has_no_barrier_and_every_label_fits(run):
    """In light and in dark, offline, and no wider than a phone; labels have the room that they were given."""
    whole(run).opened("02_data").changed("db_instance.database", "02_data", ok=False, error="RequestRejected: no")
    run.checked(ok=False, found=["x"]).ended("02_data", state="failed", why="AWS said no")
    write_report(run.folder)
    chromium = find_program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
            requested = []
            page.on("request", lambda request: requested.append(request.url))
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.goto((run.folder / "report.html").as_uri())
                assert Axe().run(page).response["violations"] == []
            assert page.evaluate(FITS) == []
            page.set_viewport_size({"width": 390, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.evaluate(BROKEN_WORDS) == []
            assert page.evaluate(HIDDEN_VALUES) == []
            assert Axe().run(page).response["violations"] == []
            page.set_viewport_size({"width": 690, "height": 980})  # A4 without its margins
            page.emulate_media(media="print")
            assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)")
            page.emulate_media(media="screen")
            assert {Path(url).name for url in requested} == {"report.html"}
            for crowd in (environment("abcdef", 12), environment("a", 1)):
                page.set_content(str(draw_topology(crowd)))
                assert page.evaluate(FITS) == []
        finally:
            browser.close()
