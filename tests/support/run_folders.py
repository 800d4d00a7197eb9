"""Build the folder of a small run without AWS: what an apply of two notebooks writes, signed."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from runbook_lib.engine.plan import digest, make_plan
from runbook_lib.evidence.attestation import manifest
from runbook_lib.evidence.attestation.approvals import approve, plans_of
from runbook_lib.evidence.attestation.keys import format_public_key
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.notebooks.cells import Cell
from runbook_lib.evidence.report.page import write_report
from runbook_lib.journal.reader import run_parameters
from tests.support.fake_kinds import Thing, stack_of

RUN = "20261124T080000Z-apply-0a1b"
SCOPE = "prod/123456789012/us-west-2"
NOTEBOOKS = ("01_network", "02_data")
ANN, BOB, EVE = (CryptoSigner.generate_ed25519() for _ in range(3))
KEYS = {"ann": ANN.public_key, "bob": BOB.public_key}


def plan_of(notebook, *sizes):
    things = [Thing(name=f"{notebook[3:]}-{size}", size=size) for size in sizes or (1, 2)]
    return make_plan(stack_of(*things, name=notebook[3:]), {}, scope=SCOPE)


SIGNED = {
    "required": True,
    "signers": {name: format_public_key(key) for name, key in KEYS.items()},
    "threshold": 1,
    "valid_hours": 72,
}


def planned_run(environment, run=RUN, *, mode="apply", notebooks=NOTEBOOKS, change="CHG1", approval=None):
    """Write the folder of a run whose notebooks have planned; *approval* is that section of its parameters."""
    folder = RunFolder(environment, run, "runner")
    request = {"env": "prod", "mode": mode, "change": change, "asked_by": "ann", "approved": ""}
    folder.journal().write("run", run=run, notebooks=list(notebooks), **request)
    for notebook in notebooks:
        own = RunFolder(environment, run, notebook)
        own.journal().write(
            "open", account="123456789012", region="us-west-2", caller="arn:me", run=run, **request,
            operator="bob on build-7", source={"commit": "c0ffee" * 6, "clean": False},
            parameters={"env": "prod", "approval": approval or {"required": False}},
        )  # fmt: skip
        plan = plan_of(notebook)
        own.journal().write("plan", fingerprint=plan.fingerprint, present=True, count=plan.count, **plan.as_dict())
        own.write_plan(plan, verb="apply", run=run)
        own.journal().write("inventory", when="before", stack=notebook[3:], resources=[])
    return folder.path


def finish_notebook(folder: Path, notebook: str, state: str = "done", *, but: str = "") -> None:
    """Write what a notebook writes that has finished; *but* names a change that is not recorded.

    A failed notebook has no successful verification.
    """
    own = RunFolder(folder.parent, folder.name, notebook)
    journal = own.journal()
    acts = run_parameters(folder)["mode"] == "apply"
    for change in plan_of(notebook).todo if acts else ():
        if change.key != but:
            journal.write("call", service="ec2", operation="CreateThing", write=True, error=None)
            journal.write("change", ok=True, **change.as_dict(), waited=0.0, sent=0.1, took=0.2, ready=True)
    if acts:
        journal.write("verify", stack=notebook[3:], ok=state == "done" and not but, failed=[])
        journal.write("inventory", when="after", stack=notebook[3:], resources=[])
    own.table_path("part").write_text("resource,id,status\nthing.a,t-1,ready\nthing.b,t-2,ready\n", encoding="utf-8")
    for suffix in (".ipynb", ".html"):
        (folder / f"{notebook}{suffix}").write_text(f"<p>{notebook}{suffix} was executed</p>\n", encoding="utf-8")
    outcome = "succeeded" if state == "done" else state
    journal.write("cells", outcome=outcome, why="", cells=[asdict(Cell(n, state=outcome)) for n in (1, 2, 3)])
    journal.write("ended", state=state, cell=3, error="", why="")


def rewrite_journal(folder: Path, dropped, **changed) -> Path:
    """Write the journal of a run again, with a valid chain.

    Args:
        dropped: Whether an event is left out.
        changed: New values of fields, for the events that have these, or functions of the event.
    """
    path = folder / "journal.jsonl"
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.unlink()
    for event in events:
        rest = {key: value for key, value in event.items() if key not in ("at", "event", "prev", "notebook")}
        new = {key: value(event) if callable(value) else value for key, value in changed.items() if key in rest}
        if not dropped(event):
            RunFolder(folder.parent, folder.name, event["notebook"]).journal().write(event["event"], **(rest | new))
    return folder


def close_run(folder: Path, signer=ANN, *, but: str = "") -> Path:
    """Write the report and sign the folder; *but* names a file that is deleted before."""
    write_report(folder)
    (folder / (but or "none")).unlink(missing_ok=True)
    manifest.sign_manifest(folder, signer, code=folder, params=folder / "none.yaml")
    return folder


def signed_run(environment: Path, run: str = RUN) -> Path:
    """Write the folder of a complete run, approved by Bob and signed by Ann."""
    folder = planned_run(environment, run, approval=SIGNED)
    path = write_approval(folder, BOB, "bob")
    for notebook in NOTEBOOKS:
        record_approval(folder, notebook, path)
        finish_notebook(folder, notebook)
    return close_run(folder)


def record_approval(folder, notebook, path, by="bob", operator=""):
    """Write the journal event of a notebook that uses an approval."""
    fields = {"by": by, "operator": operator, "sha256": digest(plan_of(notebook).as_dict()), "kept": path.name}
    RunFolder(folder.parent, folder.name, notebook).journal().write("approved", **fields, plan="", expires="")


def write_approval(folder, signer, by, *, hours=72, change="CHG1", plans=None):
    plans = list(plans_of(folder, "apply")) if plans is None else plans
    return approve(folder, plans, signer, by=by, change=change, valid_for=timedelta(hours=hours))


def edit_json(path: Path, **changes) -> None:
    """Change values in a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
