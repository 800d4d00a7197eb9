"""Living with a new version: what a plan shows in an environment of the last release stands in the changelog."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.params import load, schema

REPOSITORY = Path(runbook_lib.__file__).parents[1]
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^## (\d+\.\d+\.\d+) \((.*)\)$", CHANGELOG, re.MULTILINE)
# The state that the changelog calls 0.1.0. No tag names it: the next commits moved every module, and it is the last
# one from which environments were built. With the next release, this becomes its tag.
RELEASE = "edc2cb9d38a99bd530463b4c59c45e42fe10ca7b"
ROW = re.compile(r"^\| `([\w./-]+)` \| (create|update|delete)((?:,? `\w+`)*) \|", re.MULTILINE)
# Today's code reaches the release's own embedded AWS through the entry point by which any package offers an endpoint.
ENDPOINT = """
import os
from runbook_lib.aws.connection import Connection

def connect(root):
    return Connection(*os.environ["RELEASED_ENDPOINT"].split())

def check(root):
    pass

def require_saved(root):
    pass
"""
COMMAND = "from runbook_lib.cli import main; main()"


def section(title):
    """The text of a section of the newest version."""
    newest = CHANGELOG.partition(f"## {HEADINGS[0][0]}")[2].partition("\n## ")[0]
    return newest.partition(f"### {title}\n")[2].partition("\n### ")[0]


def git(*arguments):
    return subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, check=False)


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The code of the last release.

    A clone that lacks it cannot show anything, which is a failure: `git fetch --unshallow` brings it.
    """
    packed = git("archive", RELEASE)
    if packed.returncode != 0:
        pytest.fail(f"the last release, {RELEASE}, is not in this clone: git fetch --unshallow. {packed.stderr!r}")
    folder = tmp_path_factory.mktemp("released")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def environment(root, *path, **more):
    """The variables of an operator whose code is on *path*."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RUNBOOK_"))}
    return inherited | {"RUNBOOK_ROOT": str(root), "PYTHONPATH": os.pathsep.join(map(str, path))} | more


@pytest.fixture(scope="module")
def built(released, tmp_path_factory):
    """An environment that the last release has built, in a virtual environment of its own; how to reach its AWS."""
    root, venv = tmp_path_factory.mktemp("operator"), tmp_path_factory.mktemp("venv")
    shutil.copytree(released / "params", root / "params")
    run(sys.executable, "-m", "venv", venv)
    pip = (venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
    run(*pip, "-r", released / "requirements" / "run.txt")
    setting = environment(root, released, PATH=f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}")
    old = (venv / "bin" / "python", "-c", COMMAND)
    try:
        run(*old, "apply", "--env", "local", env=setting, cwd=root)  # elsewhere: `-c` imports from the folder it is in
        exports = dict(re.findall(r"^export (\w+)=(\S+)$", run(*old, "local", "env", env=setting, cwd=root), re.M))
        yield " ".join(exports[f"AWS_{name}"] for name in ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    finally:
        run(*old, "local", "down", "--forget", env=setting, cwd=root)


@pytest.mark.exhaustive
@pytest.mark.needs("ps")
@pytest.mark.timeout(1200)
def test_a_plan_of_a_released_environment_shows_what_the_changelog_names(released, built, tmp_path):
    """With its parameter files as they were: neither another resource nor another field, and nothing is blocked."""
    shutil.copytree(released / "params", tmp_path / "params")
    plugin = tmp_path / "plugin"
    (plugin / "released-1.dist-info").mkdir(parents=True)
    (plugin / "released_endpoint.py").write_text(ENDPOINT)
    (plugin / "released-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: released\nVersion: 1\n")
    entry = "[runbook.endpoints]\nembedded = released_endpoint\n"
    (plugin / "released-1.dist-info" / "entry_points.txt").write_text(entry)
    setting = environment(tmp_path, plugin, REPOSITORY, REPOSITORY / "embedded-aws", RELEASED_ENDPOINT=built)
    run(Path(sys.executable).with_name("runbook"), "plan", "--env", "local", env=setting, cwd=tmp_path)
    plans = [json.loads(path.read_text()) for path in tmp_path.glob("artifacts/local/*/plans/*-apply-*.json")]
    assert len(plans) == 4
    changes = {
        change["key"]: (change["action"], set(change["fields"]) if change["action"] == "update" else set())
        for plan in plans
        for change in plan["plan"]["changes"]
    }
    rows = ROW.findall(section("What a plan shows in an existing environment"))
    assert changes == {key: (action, set(re.findall(r"`(\w+)`", fields))) for key, action, fields in rows}


@pytest.mark.exhaustive
@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_the_parameter_files_of_the_last_release_are_accepted(released, env):
    """As they are: no parameter was renamed or removed since."""
    assert load(released / "params" / f"{env}.yaml").env == env


def test_the_changelog_begins_with_the_version_of_the_package():
    """The version is in `pyproject.toml` only; the changelog has a section for it."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert HEADINGS[0][0] == project["version"]
    assert section("What a plan shows in an existing environment")
    assert section("Parameters")


def keys(node, definitions, at=()):
    """All keys of a schema, dotted; a list's or mapping's entries have those of their own."""
    for name, value in node.get("properties", {}).items():
        yield ".".join((*at, name))
        for option in (value, *value.get("anyOf", ()), value.get("items", {}), value.get("additionalProperties", {})):
            if isinstance(option, dict):
                target = definitions[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
                yield from keys(target, definitions, (*at, name))


def test_no_parameter_of_a_release_is_gone():
    """Until one is: then the error for an unknown key has to name what replaces it, and this list stays as it is."""
    document = json.loads(schema.json_schema())
    today = set(keys(document, document["$defs"]))
    released = set(json.loads((REPOSITORY / "tests/golden/parameters.json").read_text(encoding="utf-8")))
    assert len(released) > 60
    assert released - today == set()
