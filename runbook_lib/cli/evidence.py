"""``runbook evidence …`` and ``runbook approve``: what a run left behind, judged and approved without any network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import click

from ..errors import NotApproved, ParamsError, WrongUsage
from ..evidence.attestation import keys
from ..evidence.attestation.approvals import approve as write
from ..evidence.attestation.approvals import format_plan_name, plans_of
from ..evidence.attestation.archive import unpack
from ..evidence.attestation.dsse import Keys
from ..evidence.attestation.manifest import list_files
from ..evidence.report.diff import diff_environments
from ..evidence.report.run_record import RunRecord, read_run
from ..evidence.verification.completeness import NOT_RUN, planned_notebooks
from ..evidence.verification.verify import VerificationResult, verify_run
from ..formatting import format_time
from ..journal.journal import MANIFEST
from ..journal.reader import JOURNAL, Event, of_kind, read_events, run_parameters
from ..journal.summary import summarize
from ..params import Params, load
from ..params.fields import ENV
from ..paths import root as _root
from ..runs.finish import finish_interrupted_run, upload

FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.group()
def evidence() -> None:
    """What runs have left behind: is it complete, unchanged, and signed by whom."""


a_run = click.argument("run", metavar="RUN", help="A run's id, its folder, or its archive (.zip).")
a_key = click.option(
    "--key", "given", type=FILE, multiple=True, metavar="FILE",
    help="A public key to believe instead of those in the parameters, called like its owner: ann.pub; may be repeated.",
)  # fmt: skip


@evidence.command()
@a_run
@a_key
def verify(run: str, given: Sequence[Path]) -> None:
    """Check everything, offline: chain, digests, signatures, completeness.  Exits with 1 when something is wrong."""
    place = place_of(run)
    with unpack(place) as folder:
        verdict, believed = _judged(folder, given, packed=place.is_file())
        for line in [*_facts_if_any(folder), *verdict.notes]:
            click.echo(f"  {line}")
    for wrong in verdict.wrong:
        click.echo(f"✗ {wrong}", err=True)
    if not verdict.ok:
        click.echo(f"{len(verdict.wrong)} things are wrong.", err=True)
        raise SystemExit(1)
    key = next(key for name, key in believed.items() if name == verdict.signed_by)
    click.echo(
        f"Complete and unchanged: {verdict.files} files, signed by {verdict.signed_by}, {keys.fingerprint(key)}."
    )


@evidence.command()
@a_run
def close(run: str) -> None:
    """Close the run that was killed, or that nobody closed: look at what it left, write its report, and sign it."""
    folder = place_of(run)
    if not folder.is_dir():
        raise WrongUsage(f"{run} is no folder of a run.", fix="An archive is closed already.")
    click.echo(f"Signed, and packed for the change ticket: {finish_interrupted_run(folder.resolve())}")


@evidence.command()
@a_run
def show(run: str) -> None:
    """Tell what a run was, what it came to, and what is in its folder.  Judges nothing: that is `verify`."""
    with unpack(place_of(run)) as folder:
        for line in [*_facts(folder), *_origin(read_run(read_events(folder)))]:
            click.echo(line)
        for name, path in list_files(folder).items():
            click.echo(f"  {path.lstat().st_size:>9}  {name}")


@evidence.command("list")
@click.option("--env", default="*", metavar="ENV", help="Only the runs of this environment.")
def list_(env: str) -> None:
    """List the runs that lie here, the newest last."""
    folders = [path.parent for path in _artifacts().glob(f"{env}/*/{JOURNAL}")]
    for folder in sorted(folders, key=lambda folder: folder.name):
        first = run_parameters(folder)
        closed = "closed" if (folder / MANIFEST).is_file() else "not closed"
        click.echo(f"{folder.name:<36} {first.get('env', '?'):<8} {closed:<10} {first.get('change', '')}".rstrip())


@evidence.command()
@click.argument("one", metavar="RUN", help="The earlier run: an id, a folder or an archive.")
@click.argument("two", metavar="RUN", help="The later run.")
def diff(one: str, two: str) -> None:
    """Tell what differs between the states that two runs have left behind."""
    with unpack(place_of(one)) as before, unpack(place_of(two)) as after:
        lines = list(diff_environments(before, after))
    for line in lines or ["No difference."]:
        click.echo(line)


@evidence.command()
def key() -> None:
    """Show the public key of this machine, as it goes into the parameters; makes the pair when there is none."""
    own = keys.machine_key(_root()).public_key
    click.echo(keys.format_public_key(own))
    click.echo(keys.fingerprint(own), err=True)


@evidence.command()
@a_run
def store(run: str) -> None:
    """Upload a run's archive to its environment's bucket once more, after an upload that failed."""
    folder = place_of(run)
    archive = folder.with_name(f"{folder.name}.zip") if folder.is_dir() else folder
    if not archive.is_file():
        raise WrongUsage(f"There is no {archive}.", fix="Only a closed run has an archive.")
    with unpack(archive) as inside:
        params = load(_params_file(inside))
    click.echo(upload(params, _root(), archive.stem, archive))


@click.command()
@click.argument("run", metavar="RUN", help="The id of the run whose plans are approved, or its folder.")
@click.option("--as", "name", required=True, metavar="NAME", help="Who approves: one of approval.signers.")
@click.option("--change", default="", metavar="ID", help="The change request it is for; that of the run, if not given.")
@click.option("--destroy", is_flag=True, help="Approve the plans to remove, instead of those to build.")
@click.option("--key", "given", type=FILE, metavar="FILE", help="The private key to sign with; else this machine's.")
def approve(run: str, name: str, change: str, destroy: bool, given: Path | None) -> None:
    """Sign that the plans of a run may be carried out."""
    folder = place_of(run)
    if not folder.is_dir():
        raise WrongUsage(f"{run} is no folder.", fix="Approve in the folder of the run: it goes with the plans.")
    params = _params(folder)
    if params is None or not params.approval.signers:
        raise WrongUsage(
            f"The parameters of {run_parameters(folder).get('env', 'this run')} name no signers.",
            fix="Name them in approval.signers, or give the fingerprint: runbook apply --approved FINGERPRINT.",
        )
    signer = keys.load_private_key(given) if given else keys.machine_key(_root())
    known = params.approval.signers.get(name)
    if known is None or keys.parse_public_key(known).keyid != signer.public_key.keyid:
        raise NotApproved(
            f"{name} signs with another key than {keys.fingerprint(signer.public_key)}."
            if known
            else f"{name} is none of approval.signers ({', '.join(params.approval.signers)}).",
            fix="Approve as yourself, with your own key: --as NAME --key FILE.",
        )
    plans = list(plans_of(folder, "destroy" if destroy else "apply"))
    if not plans:
        raise NotApproved(f"{folder.name} has no plan that would change something.", fix="Name a run in plan mode.")
    verdict, _ = _judged(folder, ())
    # Whose signature closes it can be told only where the parameters say whom to believe.
    wrong = [told for told in verdict.wrong if params.evidence.trusted_keys or not told.startswith(MANIFEST)]
    if wrong:
        raise NotApproved("\n".join(wrong), fix="Plan again: what was reviewed may not be what was planned.")
    path = write(
        folder, plans, signer, by=name, change=change or str(run_parameters(folder).get("change", "")),
        valid_for=timedelta(hours=params.approval.valid_hours),
    )  # fmt: skip
    for plan in plans:
        click.echo(f"  {format_plan_name(plan)}: {len(plan['changes'])} changes")
    click.echo(f"Approved by {name} for {params.approval.valid_hours} hours: {path}")


def place_of(run: str) -> Path:
    """Where the evidence of a run is: a path, or an id that is looked up.

    Raises:
        WrongUsage: There is none.
    """
    if Path(run).exists():
        return Path(run).resolve()
    found = [path for path in _artifacts().glob("*/*") if path.name == run]
    if len(found) != 1:
        raise WrongUsage(f"There is no run {run!r} here.", fix="`runbook evidence list` shows those there are.")
    return found[0]


def _judged(folder: Path, given: Sequence[Path], *, packed: bool = False) -> tuple[VerificationResult, Keys]:
    """The verdict, and the keys that were believed: those given, or the parameters', or this machine's own.

    Who closes a run is one question, and who approves it another: the signers of the parameters
    stand beside the keys that are given.
    """
    params = _params(folder)
    brought: Keys = {path.stem: keys.parse_public_key(path.read_text(encoding="utf-8")) for path in given}
    named = _public(params.evidence.trusted_keys) if params and not given else brought
    signers = _public(params.approval.signers) if params else {}
    own = _root() / ".runbook" / "keys" / keys.PUBLIC
    if not named and own.is_file():
        named = {"this machine": keys.parse_public_key(own.read_text(encoding="utf-8"))}
    approvers = {who: brought.get(who, key) for who, key in signers.items()} or brought
    return verify_run(folder, named, approvers, more_approvers=not signers, from_archive=packed), named


def _public(lines: Mapping[str, str]) -> Keys:
    return {who: keys.parse_public_key(line) for who, line in lines.items()}


def _params(folder: Path) -> Params | None:
    """The parameters of a run's environment, where they lie here."""
    try:
        return load(_params_file(folder))
    except ParamsError:
        return None


def _params_file(folder: Path) -> Path:
    """Where the parameters of a run's environment belong.

    Raises:
        ParamsError: What the run says is no environment's name: a path could lead to parameters
            that came with the run, and whoever forged the one would have written the other.
    """
    env = str(run_parameters(folder).get("env", ""))
    if not re.fullmatch(ENV, env):
        raise ParamsError(f"{env!r} is no environment's name.", fix="Name a run of an environment in params/.")
    return _root() / "params" / f"{env}.yaml"


def _facts_if_any(folder: Path) -> list[str]:
    """The facts; none of a journal that somebody spoilt: what is wrong with it, the verdict says."""
    try:
        return list(_facts(folder))
    except (LookupError, TypeError, AttributeError, ValueError):
        return [folder.name]


def _facts(folder: Path) -> Iterator[str]:
    events = read_events(folder)
    opened = next(of_kind(events, "open"), {})
    first = run_parameters(folder)
    told = [f"{first.get('mode', '?')} of {first.get('env', '?')}"]
    told += [f"{name} {opened[name]}" for name in ("account", "region") if name in opened]
    told += [f"by {opened['caller']}"] if "caller" in opened else []
    told += [f"for {first['change']}"] if first.get("change") else []
    yield f"{folder.name}: {', '.join(told)}"
    for notebook in planned_notebooks(events):
        yield f"{notebook:<12} {_ended(folder, notebook, events, first.get('mode') != 'destroy')}"


def _origin(told: RunRecord) -> Iterator[str]:
    """Who, when, and from what, as far as it was written down."""
    if told.began:
        yield f"{'when':<12} {format_time(told.began)} to {format_time(told.ended)}"
    if people := told.get("asked_by") or ", ".join(told.operators):
        yield f"{'asked for by':<12} {people}"
    if told.operators:
        yield f"{'run by':<12} {', '.join(told.operators)}"
    for approval in told.approvals:
        yield f"{'approved by':<12} {approval.by or 'not known'}: {approval.plan}"
    if told.source:
        yield f"{'commit':<12} {told.source['commit']}{'' if told.source['clean'] else ', with changes in no commit'}"


def _ended(folder: Path, notebook: str, events: Sequence[Event], present: bool) -> str:
    last = next((e for e in reversed(events) if e["event"] == "ended" and e.get("notebook") == notebook), {})
    state = str(last.get("state", "did not say how it ended"))
    if state == NOT_RUN:
        return f"{state}: {last.get('why', 'it was stopped before')}"
    found = summarize(folder / JOURNAL, notebook, present=present)
    done = ", ".join(f"{n} {action}" for action, n in found.completed.items()) or "nothing changed"
    verified = {None: "", True: "; verified", False: "; differs"}[found.verified]
    why = f": {last['error']}: {last['why']}" if last.get("error") else ""
    return f"{state}{why} – planned {found.plan_text}; {done}{verified}"


def _artifacts() -> Path:
    return _root() / "artifacts"
