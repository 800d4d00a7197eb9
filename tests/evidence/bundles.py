"""The folder of a small run, made without AWS: what an apply of two notebooks leaves behind, signed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from runbook_lib.approval import digest
from runbook_lib.evidence import manifest
from runbook_lib.evidence.approvals import approve, plans_of
from runbook_lib.evidence.folder import Folder
from runbook_lib.plan import compare
from tests.things import Thing, stack_of

RUN = "20261124T080000Z-apply-0a1b"
SCOPE = "prod/123456789012/us-west-2"
NOTEBOOKS = ("01_network", "02_data")
ANN, BOB, EVE = (CryptoSigner.generate_ed25519() for _ in range(3))
KEYS = {"ann": ANN.public_key, "bob": BOB.public_key}


def plan_of(notebook, *sizes):
    things = [Thing(name=f"{notebook[3:]}-{size}", size=size) for size in sizes or (1, 2)]
    return compare(stack_of(*things, name=notebook[3:]), {}, scope=SCOPE)


def begun(environment, run=RUN, *, mode="apply", notebooks=NOTEBOOKS, change="CHG1"):
    """The folder of a run whose notebooks have planned."""
    folder = Folder(environment, run, "runner")
    asked = {"env": "prod", "mode": mode, "change": change, "asked_by": "ann", "approved": ""}
    folder.journal().write("run", run=run, notebooks=list(notebooks), **asked)
    for notebook in notebooks:
        own = Folder(environment, run, notebook)
        own.journal().write(
            "open", account="123456789012", region="us-west-2", caller="arn:me", run=run, **asked,
            operator="bob on build-7", source={"commit": "c0ffee" * 6, "clean": False},
        )  # fmt: skip
        plan = plan_of(notebook)
        own.journal().write("plan", fingerprint=plan.fingerprint, present=True, count=plan.count, **plan.as_dict())
        own.keep_plan(plan, verb="apply", run=run)
    return folder.path


def done(folder: Path, notebook: str, state: str = "done", *, but: str = "") -> None:
    """What a notebook leaves that did its part; *but* names a change of which nothing is told."""
    own = Folder(folder.parent, folder.name, notebook)
    journal = own.journal()
    for change in plan_of(notebook).todo:
        if change.key != but:
            journal.write("change", ok=True, **change.as_dict(), waited=0.0, sent=0.1, took=0.2, ready=True)
    journal.write("inventory", when="after", stack=notebook[3:], resources=[])
    own.table("part").write_text("resource,id,status\nthing.a,t-1,ready\nthing.b,t-2,ready\n", encoding="utf-8")
    for suffix in (".ipynb", ".html"):
        (folder / f"{notebook}{suffix}").write_text(f"<p>{notebook}{suffix} was executed</p>\n", encoding="utf-8")
    journal.write("ended", state=state, cell=3, error="", why="")


def closed(folder: Path, signer=ANN) -> Path:
    manifest.close(folder, signer, code=folder, params=folder / "none.yaml")
    return folder


def bundle(environment: Path, run: str = RUN) -> Path:
    """A whole run, approved by Bob and signed by Ann."""
    folder = begun(environment, run)
    for notebook in NOTEBOOKS:
        done(folder, notebook)
    path = approved(folder, BOB, "bob")
    plan = next(plans_of(folder, "apply"))
    said = {"by": "bob", "operator": "", "sha256": digest(plan), "kept": path.name, "plan": "", "expires": ""}
    Folder(environment, run, NOTEBOOKS[0]).journal().write("approved", **said)
    return closed(folder)


def approved(folder, signer, by, *, hours=72, change="CHG1", plans=None):
    plans = list(plans_of(folder, "apply")) if plans is None else plans
    return approve(folder, plans, signer, by=by, change=change, until=timedelta(hours=hours))


def rewritten(path: Path, **changes) -> None:
    """A JSON file with other values in it."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
