"""``runbook evidence …`` and ``runbook approve``: show, verify, compare, close and approve the evidence of runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click

from .. import paths
from ..errors import NotApproved, ParamsError, WrongUsage
from ..evidence.attestation import keys
from ..evidence.attestation.approvals import approve as write_approval
from ..evidence.attestation.approvals import format_plan_name, plans_of
from ..evidence.attestation.archive import unpack
from ..evidence.attestation.dsse import Keys
from ..evidence.attestation.manifest import list_files
from ..evidence.report.changes import DONE
from ..evidence.report.diff import diff_environments
from ..evidence.report.run_record import RunRecord, read_run
from ..evidence.verification.completeness import NOT_RUN, planned_notebooks
from ..evidence.verification.verify import VerificationResult, require_run, verify_run
from ..formatting import format_time, one_line, pluralize
from ..journal.journal import MANIFEST
from ..journal.reader import JOURNAL, Event, of_kind, read_events, run_parameters
from ..journal.summary import summarize
from ..params import Params, load
from ..params.fields import ENV
from ..runs.finish import finish_interrupted_run, upload
from .arguments import EnvironmentName, OneLine, RunName
from .console import NAME_WIDTH, print_table, print_text

FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.group()
def evidence() -> None:
    """Show, verify and compare the evidence of runs."""


run_argument = click.argument(
    "run", type=RunName(), metavar="RUN", help="A run's id, its folder, or its archive (.zip)."
)
key_option = click.option(
    "--key", "key_files", type=FILE, multiple=True, metavar="FILE",
    help="A public key to trust instead of those in the parameters, named after its owner: ann.pub; may be repeated.",
)  # fmt: skip


@evidence.command()
@run_argument
@key_option
def verify(run: str, key_files: Sequence[Path]) -> None:
    """Verify chain, digests, signatures and completeness, offline.  Exits with 1 when something is wrong."""
    path = find_run(run)
    with unpack(path) as folder:
        result, trusted = _verify(folder, key_files, packed=path.is_file())
        title, rows = _describe_if_readable(folder)
        print_text(f"  {one_line(title)}")
        print_table(rows, NAME_WIDTH, 0, indent=2)
        for note in result.notes:
            print_text(f"  {one_line(note)}")
    for finding in result.wrong:
        print_text(f"✗ {one_line(finding)}", error=True)
    if not result.ok:
        click.echo(f"Not valid: {pluralize(len(result.wrong), 'problem')}.", err=True)
        raise SystemExit(1)
    key = next(key for name, key in trusted.items() if name == result.signed_by)
    print_text(f"Complete and unchanged: {result.files} files, signed by {result.signed_by}, {keys.fingerprint(key)}.")


@evidence.command()
@run_argument
def close(run: str) -> None:
    """Close a run that was killed or never closed: record the final state, write the report, and sign it."""
    folder = find_run(run)
    if not folder.is_dir():
        raise WrongUsage(
            f"{run} is not the folder of a run.", fix="Name a run's id or its folder; an archive is closed already."
        )
    print_text(f"Signed, and packed for the change ticket: {paths.for_shell(finish_interrupted_run(folder.resolve()))}")


@evidence.command()
@run_argument
def show(run: str) -> None:
    """Show what a run did, its result, and the files in its folder.  Verifies nothing."""
    with unpack(find_run(run)) as folder:
        title, rows = _describe(folder)
        print_text(one_line(title))
        print_table([*rows, *_origin(read_run(read_events(folder)))], NAME_WIDTH, 0)
        sizes = [(f"{path.lstat().st_size:>9} ", name) for name, path in list_files(folder).items()]
        print_table(sizes, 0, 0, indent=2)


@evidence.command("list")
@click.option("--env", type=EnvironmentName(), default="*", metavar="ENV", help="Only the runs of this environment.")
def list_(env: str) -> None:
    """List the runs in artifacts/ with their results, the newest last."""
    folders = [path.parent for path in _artifacts().glob(f"{env}/*/{JOURNAL}")]
    rows = []
    for folder in sorted(folders, key=lambda folder: folder.name):
        events, parameters = read_events(folder), run_parameters(folder)
        state = _result_of_run(events) if (folder / MANIFEST).is_file() else "not closed"
        made = sum(1 for event in of_kind(events, "change") if event.get("ok") is True)
        rows.append(
            (
                folder.name,
                str(parameters.get("env", "?")),
                state,
                pluralize(made, "change") if made else "no change",
                str(parameters.get("change", "")),
            )
        )
    print_table(rows, 36, 8, 10, 10, 0)
    if not rows:
        print_text(f"There are no runs{'' if env == '*' else f' of {one_line(env)}'} in artifacts/.", error=True)


@evidence.command()
@click.argument("one", type=RunName(), metavar="RUN", help="The earlier run: an id, a folder or an archive.")
@click.argument("two", type=RunName(), metavar="RUN", help="The later run.")
def diff(one: str, two: str) -> None:
    """Show the differences between the states that two runs recorded at their end."""
    with unpack(find_run(one)) as before, unpack(find_run(two)) as after:
        lines = list(diff_environments(before, after))
    for line in lines or ["No difference."]:
        print_text(one_line(line))


@evidence.command()
def key() -> None:
    """Show the public key of this machine for the parameters; creates the key pair when there is none."""
    own = keys.machine_key(paths.root()).public_key
    click.echo(keys.format_public_key(own))
    click.echo(keys.fingerprint(own), err=True)


@evidence.command()
@run_argument
def store(run: str) -> None:
    """Upload a run's archive to its environment's bucket again, after an upload that failed."""
    folder = find_run(run)
    archive = folder.with_name(f"{folder.name}.zip") if folder.is_dir() else folder
    if not archive.is_file():
        first = f"runbook evidence close {paths.for_shell(run)}"
        raise WrongUsage(f"{archive} does not exist.", fix=f"Close the run first: {first}")
    with unpack(archive) as inside:
        params = load(_params_file(inside))
    click.echo(upload(params, paths.root(), archive.stem, archive))


@click.command()
@click.argument("run", metavar="RUN", help="The id of the run whose plans are approved, or its folder.")
@click.option(
    "--as",
    "name",
    type=OneLine("Give your name in approval.signers: --as NAME."),
    required=True,
    metavar="NAME",
    help="Who approves: one of approval.signers.",
)
@click.option(
    "--change", type=OneLine(), default="", metavar="ID", help="The change request it is for; by default the run's."
)
@click.option("--destroy", is_flag=True, help="Approve the plans to destroy instead of those to apply.")
@click.option(
    "--key", "key_file", type=FILE, metavar="FILE", help="The private key to sign with; by default this machine's."
)
def approve(run: str, name: str, change: str, destroy: bool, key_file: Path | None) -> None:
    """Sign an approval of the plans of a run."""
    folder = find_run(run)
    if not folder.is_dir():
        raise WrongUsage(
            f"{run} is not a folder.", fix="Name the folder of the run: the approval is written beside the plans."
        )
    params = _params(folder)
    if params is None or not params.approval.signers:
        raise WrongUsage(
            f"The parameters of {run_parameters(folder).get('env', 'this run')} name no signers.",
            fix="Add signers there, or approve with the fingerprint: runbook apply --approved FINGERPRINT.",
        )
    signer = keys.load_private_key(key_file) if key_file else keys.machine_key(paths.root())
    public_key = params.approval.signers.get(name)
    if public_key is None or keys.parse_public_key(public_key).keyid != signer.public_key.keyid:
        raise NotApproved(
            f"The key {keys.fingerprint(signer.public_key)} is not the key of {name} in approval.signers."
            if public_key
            else f"{name} is not in approval.signers ({', '.join(params.approval.signers)}).",
            fix="Approve with your own name and key: --as NAME --key FILE.",
        )
    plans = list(plans_of(folder, "destroy" if destroy else "apply"))
    if not plans:
        raise NotApproved(f"{folder.name} has no plan with changes.", fix="Name a run in plan mode.")
    result, _ = _verify(folder, ())
    # The signature of the manifest can be verified only where the parameters name trusted keys.
    findings = [text for text in result.wrong if params.evidence.trusted_keys or not text.startswith(MANIFEST)]
    if findings:
        raise NotApproved("\n".join(findings), fix="Run the plan again and review it: this one was changed.")
    path = write_approval(
        folder, plans, signer, by=name, change=change or str(run_parameters(folder).get("change", "")),
        valid_for=timedelta(hours=params.approval.valid_hours),
    )  # fmt: skip
    for plan in plans:
        click.echo(f"  {format_plan_name(plan)}: {len(plan['changes'])} changes")
    print_text(f"Approved by {name} for {params.approval.valid_hours} hours: {path}")


def find_run(run: str) -> Path:
    """Find the folder or the archive of a run, which is given as a path or as an id.

    Raises:
        WrongUsage: There is no such run, or the folder is no run's.
    """
    with suppress(OSError):  # a name that is too long for a path, for example
        if (path := Path(run).resolve()).exists():
            if path.is_dir():
                require_run(path)
            return path
    matching = [path for path in _artifacts().glob("*/*") if path.name == run]
    if len(matching) != 1:
        raise WrongUsage(f"There is no run {run!r}.", fix="`runbook evidence list` shows all runs.")
    return matching[0]


def _verify(folder: Path, key_files: Sequence[Path], *, packed: bool = False) -> tuple[VerificationResult, Keys]:
    """Verify a folder; returns the result and the trusted keys.

    The keys trusted to close a run are those in *key_files*, else those of the parameters, else this
    machine's.  Approvals are verified with the signers of the parameters; a key file of a signer's
    name replaces that signer's key.
    """
    params = _params(folder)
    from_files: Keys = {path.stem: keys.parse_public_key(path.read_text(encoding="utf-8")) for path in key_files}
    trusted = _public_keys(params.evidence.trusted_keys) if params and not key_files else from_files
    signers = _public_keys(params.approval.signers) if params else {}
    own = paths.root() / ".runbook" / "keys" / keys.PUBLIC
    if not trusted and own.is_file():
        trusted = {"this machine": keys.parse_public_key(own.read_text(encoding="utf-8"))}
    approvers = {name: from_files.get(name, key) for name, key in signers.items()} or from_files
    return verify_run(folder, trusted, approvers, more_approvers=not signers, from_archive=packed), trusted


def _public_keys(lines: Mapping[str, str]) -> Keys:
    return {name: keys.parse_public_key(line) for name, line in lines.items()}


def _params(folder: Path) -> Params | None:
    """The parameters of a run's environment; ``None`` when this root has none."""
    try:
        return load(_params_file(folder))
    except ParamsError:
        return None


def _params_file(folder: Path) -> Path:
    """The path of the parameters of a run's environment.

    Raises:
        ParamsError: The run's environment is not a valid name.  A forged run could name a path to
            forged parameters with forged keys.
    """
    env = str(run_parameters(folder).get("env", ""))
    if not re.fullmatch(ENV, env):
        raise ParamsError(f"{env!r} is not the name of an environment.", fix="Name a run of an environment in params/.")
    return paths.root() / "params" / f"{env}.yaml"


def _describe_if_readable(folder: Path) -> tuple[str, list[tuple[str, str]]]:
    """As `_describe`, or only the run's id when its journal is damaged; the result of `verify` says how."""
    try:
        return _describe(folder)
    except (LookupError, TypeError, AttributeError, ValueError):
        return folder.name, []


def _describe(folder: Path) -> tuple[str, list[tuple[str, str]]]:
    """What a run was, and how each of its notebooks ended."""
    events = read_events(folder)
    opened = next(of_kind(events, "open"), {})
    parameters = run_parameters(folder)
    words = [f"{parameters.get('mode', '?')} of {parameters.get('env', '?')}"]
    words += [f"{name} {opened[name]}" for name in ("account", "region") if name in opened]
    words += [f"by {opened['caller']}"] if "caller" in opened else []
    words += [f"for {parameters['change']}"] if parameters.get("change") else []
    present = parameters.get("mode") != "destroy"
    rows = [(notebook, _result(folder, notebook, events, present)) for notebook in planned_notebooks(events)]
    return f"{folder.name}: {', '.join(words)}", rows


def _origin(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Who ran it, when, and from which commit, as far as it is recorded."""
    if record.began:
        yield "when", f"{format_time(record.began)} to {format_time(record.ended)}"
    if people := record.get("asked_by") or ", ".join(record.operators):
        yield "asked for by", people
    if record.operators:
        yield "run by", ", ".join(record.operators)
    for approval in record.approvals:
        yield "approved by", f"{approval.by or 'unknown'}{f': {approval.plan}' if approval.plan else ''}"
    if record.source:
        yield "commit", f"{record.source['commit']}{'' if record.source['clean'] else ', with uncommitted changes'}"
    for origin in record.origins:
        yield "notebook", str(origin)


def _result_of_run(events: Sequence[Event]) -> str:
    """How a closed run ended: ``done``, or the state of the first notebook that was not."""
    states = [str(event.get("state", "")) for event in of_kind(events, "ended")]
    failed = [state for state in states if state not in (DONE, NOT_RUN)]
    return next(iter(failed), NOT_RUN if NOT_RUN in states else DONE if states else "no result")


def _result(folder: Path, notebook: str, events: Sequence[Event], present: bool) -> str:
    end = next((e for e in reversed(events) if e["event"] == "ended" and e.get("notebook") == notebook), {})
    state = str(end.get("state", "end not recorded"))
    if state == NOT_RUN:
        return f"{state}: {end.get('why', 'the run was stopped before')}"
    result = summarize(folder / JOURNAL, notebook, present=present)
    done = ", ".join(f"{n} {action}" for action, n in result.completed.items()) or "nothing changed"
    verified = {None: "", True: "; verified", False: "; drift detected"}[result.verified]
    why = f": {end['error']}: {end['why']}" if end.get("error") else ""
    return f"{state}{why} – planned {result.plan_text}; {done}{verified}"


def _artifacts() -> Path:
    return paths.root() / "artifacts"
