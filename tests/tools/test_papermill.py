"""Every flag of papermill does with the notebooks what papermill's documentation says."""

import base64
import json
import signal
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import nbformat
import papermill
import papermill.cli
import pytest
from click.testing import CliRunner
from nbclient.exceptions import CellTimeoutError
from nbformat.v4 import new_code_cell
from papermill.engines import papermill_engines
from papermill.s3 import S3

from runbook_lib.evidence.attestation import keys
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.journal.reader import read_events
from runbook_lib.runs.headless.engine import RunbookEngine
from tests.support.tool_table import read_rows, shows
from tests.tools.conftest import REPOSITORY

NETWORK = REPOSITORY / "notebooks" / "01_network.ipynb"
SAYS = "import os, sys; print('to stdout in', os.getcwd()); print('to stderr', file=sys.stderr)"
WAITS = """
import time
for n in range(100):
    print('at', n, flush=True)
    time.sleep(0.2)
"""


@pytest.fixture(autouse=True)
def engine():
    papermill_engines.register("runbook", RunbookEngine)


@pytest.fixture
def short(root):
    """The network's notebook, shortened to what it is opened and closed with; more cells come between."""

    def write(*more):
        notebook = nbformat.read(NETWORK, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        cells = [*code[:2], *(new_code_cell(source) for source in more), code[-1]]
        notebook.cells = cells
        nbformat.write(notebook, root / "short.ipynb")
        return root / "short.ipynb"

    return write


def papermill_cli(*words, source=NETWORK, out="OUT.ipynb", given=None):
    """Run papermill's command."""
    line = ["--engine", "runbook", "--no-progress-bar", str(source), str(out), *words]
    return CliRunner().invoke(papermill.cli.papermill, line, input=given)


def folder_of(root):
    """The folder of the one run; its evidence is whole."""
    (folder,) = (path for path in (root / "artifacts" / "local").iterdir() if path.is_dir())
    assert verify_run(folder, {"me": keys.machine_key(root).public_key}, {}).wrong == []
    return folder


def parameters_of(root):
    """What the run says that it was given."""
    opened = next(event for event in read_events(folder_of(root)) if event["event"] == "open")
    return {name: opened[name] for name in ("mode", "change", "asked_by", "approved")}, opened["parameters"]


def test_the_table_has_every_flag():
    uses = " ".join(row.use for row in read_rows() if row.tool == "papermill")
    flags = [parameter for parameter in papermill.cli.papermill.params if isinstance(parameter, click.Option)]
    assert len(flags) >= 25
    missing = [flag.name for flag in flags if not any(f"`{name}" in uses for name in flag.opts)]
    assert missing == []


@shows("papermill", "`--help-notebook`", "lists the seven parameters with types, defaults and meanings")
def test_help_notebook(root):
    result = papermill_cli("--help-notebook")
    assert result.exit_code == 0
    assert 'mode: str (default "plan")' in result.output
    assert "Unknown type" not in result.output


@shows("papermill", "`--version`", "papermill's own")
@shows("papermill", "`--help`", "papermill's own")
def test_its_own(root):
    assert "papermill" in papermill_cli("--version").output
    assert "--engine" in papermill_cli("--help").output


@shows("papermill", "`--prepare-only`", "the notebook with its parameters, not executed; no run, no evidence")
def test_prepare_only(root):
    result = papermill_cli("--prepare-only", "-p", "mode", "plan")
    assert result.exit_code == 0, result.output
    notebook = nbformat.read("OUT.ipynb", as_version=4)
    assert [cell.source for cell in notebook.cells if "injected-parameters" in cell.metadata.tags] == [
        '# Parameters\nmode = "plan"\n'
    ]
    assert not (root / "artifacts").exists()


@shows("papermill", "`--engine runbook`", "records the true state of each cell, and closes and signs the evidence")
@shows("papermill", "`--parameters`, `-p`", "of the notebook, and of `params/<env>.yaml`")
@shows("papermill", "`--parameters_raw`, `-r`", "as `-p`, always as a text")
@shows("papermill", "`--parameters_yaml`, `-y`", "as `-p`")
@shows("papermill", "`--parameters_base64`, `-b`", "as `-p`")
@shows("papermill", "`--parameters_file`, `-f`", "as `-p`; also a whole `params/<env>.yaml`, without a warning")
@shows("papermill", "`--inject-paths`", "ignored by the run; both paths are in the executed notebook")
@shows("papermill", "`--cwd`", "where the cells run; the output stays where papermill was started")
@shows("papermill", "`--stdout-file`", "what cells print; the file is there also when none prints; relative to `--cwd`")
@shows("papermill", "`--stderr-file`", "as `--stdout-file`, of stderr")
@shows("papermill", "`--log-output`", "each cell's beginning, output and end")
@shows("papermill", "`--log-level`", "papermill's own")
@shows("papermill", "`--report-mode`", "code is hidden in the executed notebook")
@shows("papermill", "`--request-save-on-cell-execute`", "saved when a cell begins")
@shows("papermill", "`--start-timeout`", "how long the kernel may take to start")
@shows("papermill", "`--language`", "`python`")
@shows("papermill", "`metadata.papermill`", "what papermill writes, also `parameters`, for scrapbook and others")
def test_what_is_given_arrives(root, short, caplog):
    caplog.set_level("INFO")
    (root / "elsewhere").mkdir()
    (root / "given.yaml").write_text((root / "params" / "local.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    b64 = base64.b64encode(b"asked_by: ann").decode()
    result = papermill_cli(
        *("-f", str(root / "given.yaml"), "-y", "tags: {project: another, owner: bob}", "-b", b64),
        *("-p", "mode", "verify", "-r", "change", "0012345", "--inject-paths", "--cwd", str(root / "elsewhere")),
        *("--stdout-file", str(root / "printed.txt"), "--stderr-file", str(root / "errors.txt")),
        *("--log-output", "--report-mode"),
        *("--log-level", "INFO", "--start-timeout", "50", "--language", "python", "--request-save-on-cell-execute"),
        source=short(SAYS),
    )
    assert result.exit_code == 0, result.output
    given, environment = parameters_of(root)
    assert given == {"mode": "verify", "change": "0012345", "asked_by": "ann", "approved": ""}
    assert environment["tags"]["owner"] == "bob"
    assert (root / "printed.txt").read_text() == f"to stdout in {root / 'elsewhere'}\n"
    assert (root / "errors.txt").read_text() == "to stderr\n"
    assert [path.name for path in (root / "elsewhere").iterdir()] == []
    executed = nbformat.read("OUT.ipynb", as_version=4)
    assert executed.metadata.papermill.parameters.PAPERMILL_OUTPUT_PATH == "OUT.ipynb"
    assert executed.metadata.papermill.parameters.change == "0012345"
    assert all(cell.metadata.jupyter.source_hidden for cell in executed.cells)
    assert [record.message for record in caplog.records if "unknown" in record.message] == []
    for line in ("Executing Cell 1", "Ending Cell 1", "to stdout in"):
        assert line in caplog.text


@shows("papermill", "`-p` with the name of no parameter", "papermill warns, and the run is refused")
@shows("papermill", "`--inject-input-path`", "as `--inject-paths`")
@shows("papermill", "`--inject-output-path`", "as `--inject-paths`")
def test_an_unknown_parameter_keeps_its_warning(root, short, caplog):
    words = ("--inject-input-path", "--inject-output-path", "-p", "mod", "plan")
    result = papermill_cli(*words, source=short())
    assert "mod: there is no such parameter; did you mean mode" in str(result.exception)
    assert "PAPERMILL_INPUT_PATH: there is no" not in str(result.exception)
    assert [r.message for r in caplog.records if "unknown" in r.message] == ["Passed unknown parameter: mod"]


@shows("papermill", "`-p` with a number that is meant as a text", "refused before anything happens; `-r` is named")
@pytest.mark.parametrize(
    "name", ["account", *(pytest.param(each, marks=pytest.mark.exhaustive) for each in ("change", "region"))]
)
def test_a_number_that_was_meant_as_a_text(root, short, name):
    result = papermill_cli("-p", name, "012345678901", source=short())
    assert f"-r {name} VALUE" in str(result.exception)
    assert result.exit_code == 1


@pytest.mark.exhaustive
@shows("papermill", "`--execution-timeout`", "for each cell; the evidence is closed and signed")
@shows("papermill", "`--no-progress-bar`, `--progress-bar`", "counts the cells")
def test_a_cell_that_takes_too_long(root, short):
    line = {"engine_name": "runbook", "execution_timeout": 10, "autosave_cell_every": 1}
    with pytest.raises(CellTimeoutError):
        papermill.execute_notebook(short(WAITS, "'never'"), "OUT.ipynb", progress_bar=True, **line)
    (cells,) = [event for event in read_events(folder_of(root)) if event["event"] == "cells"]
    assert [cell["state"] for cell in cells["cells"]] == ["succeeded"] * 2 + ["interrupted"] + ["not run"] * 2
    assert "within the time limit" in cells["cells"][2]["error"]


@shows("papermill", "`--autosave-cell-every`", "saved within a long cell, too")
def test_a_long_cell_is_saved_while_it_runs(short):
    """It reads its own saved output."""
    reads = (
        "import json, pathlib, time\nprint('first')\nuntil = time.monotonic() + 60\n"
        "while 'first\\\\n' not in pathlib.Path('OUT.ipynb').read_text():\n"
        "    assert time.monotonic() < until\n    time.sleep(0.3)\n    print('.', flush=True)"
    )
    result = papermill_cli("--autosave-cell-every", "1", source=short(reads))
    assert result.exit_code == 0, result.output


@pytest.fixture
def bucket(aws, monkeypatch):
    """A bucket that papermill's own reader and writer reach."""
    aws.client("s3").create_bucket(Bucket="outputs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    for name, value in {
        "AWS_ENDPOINT_URL": aws.connection.endpoint_url,
        "BOTO3_ENDPOINT_URL": aws.connection.endpoint_url,
        "AWS_ACCESS_KEY_ID": aws.connection.access_key,
        "AWS_SECRET_ACCESS_KEY": aws.connection.secret_key,
        "AWS_DEFAULT_REGION": "us-west-2",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(S3, "s3_session", (None, None, None))
    return aws.client("s3")


def require_cut_out_check_named(root):
    """The evidence says of the shortened notebook, wherever it came from, that it is not that of the commit."""
    (origin,) = [event for event in read_events(folder_of(root)) if event["event"] == "origin"]
    assert origin["known"]
    assert origin["left_out"] == ["claims", "controls", "verify"]
    assert "missing" in {cell["what"] for cell in origin["cells"]}
    page = (folder_of(root) / "report.html").read_text(encoding="utf-8")
    assert "It leaves out the check claims, controls, verify." in page


@shows("papermill", "a notebook in S3, and its output there", "by papermill's reader and writer; nothing is left here")
def test_s3(root, short, bucket):
    bucket.upload_file(str(short("6 * 7")), "outputs", "in.ipynb")
    result = papermill_cli(source="s3://outputs/in.ipynb", out="s3://outputs/runs/out.ipynb")
    assert result.exit_code == 0, (result.output, result.exception)
    require_cut_out_check_named(root)
    written = json.loads(bucket.get_object(Bucket="outputs", Key="runs/out.ipynb")["Body"].read())
    assert written["metadata"]["runbook"]["outcome"] == "succeeded"
    assert written["metadata"]["runbook"]["run"] == folder_of(root).name
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.exhaustive
@shows("papermill", "an output that cannot be written, in S3", "no further cell runs; the evidence is closed")
def test_s3_that_refuses(root, short, bucket, aws):
    deletes = (
        "import os, boto3\ns3 = boto3.client('s3', endpoint_url=os.environ['AWS_ENDPOINT_URL'])\n"
        "s3.delete_object(Bucket='outputs', Key='out.ipynb')\ns3.delete_bucket(Bucket='outputs')"
    )
    result = papermill_cli(source=short(deletes, "'never'"), out="s3://outputs/out.ipynb")
    assert result.exit_code == 1
    (cells,) = [event for event in read_events(folder_of(root)) if event["event"] == "cells"]
    assert [cell["state"] for cell in cells["cells"]] == ["succeeded"] * 3 + ["not run"] * 2
    assert "NoSuchBucket" in cells["why"]


@shows("papermill", "a folder for the output that does not exist", "refused before the first cell, as by papermill")
@shows("papermill", "`--no-request-save-on-cell-execute`", "written at the end; the evidence all the same")
def test_a_missing_output_folder(root, short):
    for words in ((), ("--no-request-save-on-cell-execute",)):
        result = papermill_cli(*words, source=short(), out="none/OUT.ipynb")
        assert isinstance(result.exception, FileNotFoundError)
        assert str(result.exception) == "output folder none doesn't exist."
    assert not Path("none").exists()
    assert not (root / "artifacts").exists()


@pytest.mark.exhaustive
@shows("papermill", "standard input and standard output, `-`", "the notebook, and nothing else")
def test_from_stdin_to_stdout(root, short):
    text = short("6 * 7").read_text(encoding="utf-8")
    line = ["--engine", "runbook", "--no-progress-bar", "-", "-"]
    result = CliRunner().invoke(papermill.cli.papermill, line, input=text)
    assert json.loads(result.stdout)["metadata"]["runbook"]["outcome"] == "succeeded"
    require_cut_out_check_named(root)


@pytest.fixture
def website(root):
    """The address of a web server with the root's notebooks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=str(root)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        pass


@shows("papermill", "a notebook by `http://` or `https://`", "by papermill's reader; compared with that of the commit")
def test_http(root, short, website):
    """A copy on a web server, without its checks, is not taken for the notebook of the commit."""
    short("6 * 7")
    result = papermill_cli(source=f"{website}/short.ipynb")
    assert result.exit_code == 0, (result.output, result.exception)
    require_cut_out_check_named(root)


@pytest.fixture
def somebody_elses(tmp_path, monkeypatch):
    """A kernelspec ``python3`` of somebody else, first on JUPYTER_PATH, which cannot start."""
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps({"argv": ["/no/such/python", "-f", "{connection_file}"], "display_name": "x", "language": "python"})
    )
    (tmp_path / "kernels" / "theirs").symlink_to(spec)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))


@shows("papermill", "a kernelspec `python3` of another interpreter", "not used: papermill's own interpreter is")
@shows("papermill", "`--kernel`", "another kernel by its name; `python3` is papermill's own interpreter")
def test_the_kernel_is_ours(root, short, somebody_elses):
    source = short("import sys; sys.executable")
    assert papermill_cli("--kernel", "theirs", source=source).exit_code == 1
    result = papermill_cli(source=source)
    assert result.exit_code == 0, result.exception
    executed = nbformat.read("OUT.ipynb", as_version=4)
    assert executed.cells[2].outputs[0].data["text/plain"] == repr(sys.executable)


@shows("papermill", "in a process that goes on, as an orchestrator's", "the handler of SIGTERM is given back")
def test_the_handler_of_sigterm_is_given_back(short):
    before = signal.signal(signal.SIGTERM, theirs := lambda *_: None)
    try:
        papermill_cli(source=short())
        assert signal.getsignal(signal.SIGTERM) is theirs
    finally:
        signal.signal(signal.SIGTERM, before)
