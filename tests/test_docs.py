"""The documents name what exists: links, files, commands with their options, functions."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

import runbook_lib
from runbook_lib.cli.main import main

LIBRARY = Path(runbook_lib.__file__).parent
REPOSITORY = LIBRARY.parent
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("*/README.md")])
FOLDERS = [
    *(
        "docs",
        "embedded-aws",
        "fleet",
        "jupyter",
        "notebooks",
        "params",
        "requirements",
        "runbook_lib",
        "starter",
        "tests",
        "webapp",
        ".ci",
        ".devcontainer",
        ".github",
    )
]
FILES = [f"/{path.relative_to(REPOSITORY)}" for top in FOLDERS for path in sorted((REPOSITORY / top).rglob("*"))]
FILES += [f"/{top}" for top in FOLDERS] + [f"/{path.name}" for path in REPOSITORY.iterdir() if path.is_file()]
# What a run, or the embedded AWS, writes.
WRITTEN = re.compile(
    r"(artifacts|\.runbook|\.venv|machines|databases|caches|balancer|tables|outputs|plans|approvals|wheels|rehearsals)/"
)
each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))


def anchors(document):
    """The fragments by which GitHub links to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@each
def test_every_link_leads_somewhere(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


@each
def test_every_file_and_folder_that_is_named_exists(document):
    """By its path, or by the end of it: `engine/plan.py`, `services/rds/`."""
    named = set(re.findall(r"`([\w./-]+\.(?:py|yml|toml|sh)|(?:[\w.-]+/)+)`", document.read_text(encoding="utf-8")))
    named = {name for name in named if not WRITTEN.match(name)}
    assert {name for name in named if not any(f"{file}/".endswith(f"/{name.rstrip('/')}/") for file in FILES)} == set()


def commands():
    """Every `runbook …` in a document, in a block or between backticks."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"(?:^    |`)(?:\.venv/bin/)?runbook ([a-z][^`\n#]*)", text, re.MULTILINE):
            yield document.name, line.strip()


@pytest.mark.parametrize(("document", "line"), sorted(set(commands())))
def test_every_command_exists_with_its_options(document, line):
    words, command = shlex.split(line.replace("|", " ")), main
    while words and isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
        assert command, line
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", line)) <= known


def test_the_functions_and_classes_of_the_architecture_exist():
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(LIBRARY.rglob("*.py")))
    named = {part for name in re.findall(r"`([A-Z]\w+(?:\.\w+)?|[a-z]+_\w+)`", text) for part in name.split(".")}
    named -= {"runbook_lib", "embedded_aws"}
    missing = {name for name in named if not re.search(rf"(def|class) {name}\b", source)}
    assert missing == set()
    assert "make_plan" in named


@pytest.mark.parametrize("target", ["setup", "run", "lab"])
def test_make_says_what_it_installs_before_pip_is_silent_for_a_minute(target):
    """make -n prints the commands of a first set-up without running them."""
    stale = [f"--what-if={name}" for name in ("pyproject.toml",)]
    plan = subprocess.run(["make", "-n", *stale, target], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    said, installs = plan.stdout.find('echo "Installing'), plan.stdout.find("pip install")
    assert 0 <= said < installs


def test_the_readme_shows_pictures_that_the_product_drew():
    """Of a plan and of a report, small enough for everybody who clones the repository."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    pictures = [REPOSITORY / name for name in re.findall(r"!\[[^\]]+\]\((docs/pictures/[^)]+)\)", text)]
    assert {path.stem for path in pictures} == {"plan", "report", "topology"}
    assert all(path.stat().st_size < 150_000 for path in pictures)
    first_screen = "\n".join(text.splitlines()[:40])
    for question in ("Why not Terraform?", "Why not a script?", "It is for operators"):
        assert question in first_screen
