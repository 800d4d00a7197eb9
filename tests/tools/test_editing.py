"""An editor and a commit change nothing in the notebooks by themselves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from runbook_lib.evidence.notebooks.cells import State, Step
from runbook_lib.runs.kernel.executed_notebook import build_notebook
from tests.support.tool_environment import tool_environment
from tests.support.tool_table import shows
from tests.tools.conftest import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
PRE_COMMIT = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS = {hook["id"]: hook for hook in PRE_COMMIT["repos"][0]["hooks"]}


@pytest.fixture
def repository(tmp_path):
    """A repository with the notebooks and the settings of this one, all committed."""
    folder = tmp_path / "repository"
    for name in (".gitattributes", ".pre-commit-config.yaml", "pyproject.toml"):
        folder.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-qm", "begin")
    return folder


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@shows("ruff", "`ruff format`, `ruff check --fix`, also in an editor", "the notebooks stay as they are")
def test_ruff_leaves_the_notebooks_alone(repository):
    """A formatter in an editor asks for one file by its name."""
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["format"], ["format", "--force-exclude", *NOTEBOOKS], ["check", "--fix", "--quiet"]):
        relative = [Path("notebooks", word.name) if isinstance(word, Path) else word for word in command]
        subprocess.run([ruff, *relative], cwd=repository, check=True, capture_output=True)
    assert git(repository, "status", "--porcelain", "--", "notebooks") == ""


def test_the_hooks_use_our_ruff_and_keep_the_cells_ids():
    locked = (REPOSITORY / "requirements" / "test.txt").read_text(encoding="utf-8")
    for name in ("ruff-check", "ruff-format"):
        assert f"{HOOKS[name]['additional_dependencies'][0]} " in locked
    assert "--keep-id" in HOOKS["nbstripout"]["entry"]


@shows("git", "`.gitattributes` without nbdime and nbstripout", "as any text; with them, they compare and filter")
def test_git_names_the_drivers_for_notebooks(repository):
    told = git(repository, "check-attr", "diff", "merge", "filter", "--", "notebooks/01_network.ipynb")
    values = [line.rpartition(": ")[2] for line in told.splitlines()]
    assert values == ["jupyternotebook", "jupyternotebook", "nbstripout-keep-id"]
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.exhaustive
@shows("nbstripout", "`--keep-id`, by hand and as git's filter", "the notebooks stay as they are")
@shows("pre-commit", "`run --all-files`", "the notebooks stay as they are")
@shows("nbdime", "`nbdiff`, also as git's driver", "the cells that differ")
@shows("jupytext", "`--to py:percent` and back", "the same cells")
def test_review_tools_on_the_notebooks(repository, tmp_path):
    tools = tool_environment(
        tmp_path, HOOKS["nbstripout"]["additional_dependencies"][0], "nbdime", "jupytext", "pre-commit"
    )
    names = [str(Path("notebooks", path.name)) for path in NOTEBOOKS]
    tools.run("nbstripout", "--keep-id", *names, cwd=repository)
    git(repository, "config", "filter.nbstripout-keep-id.clean", f"{tools.folder}/bin/nbstripout --keep-id")
    git(repository, "add", "--renormalize", ".")
    # deptry runs from the environment of `make test`, which is not here.
    tools.run("pre-commit", "run", "--all-files", cwd=repository, HOME=str(tmp_path), SKIP="deptry")
    assert git(repository, "status", "--porcelain") == ""
    tools.run("jupytext", "--to", "py:percent", names[0], "--output", "back.py", cwd=repository)
    tools.run("jupytext", "--to", "ipynb", "back.py", "--output", "back.ipynb", cwd=repository)
    before, after = (json.loads((repository / name).read_text("utf-8"))["cells"] for name in (names[0], "back.ipynb"))
    assert [(c["cell_type"], c["source"]) for c in before] == [(c["cell_type"], c["source"]) for c in after]
    text = (repository / names[0]).read_text(encoding="utf-8")
    (repository / names[0]).write_text(text.replace("book.apply(net.bucket)", "book.apply(net.vpc)"), encoding="utf-8")
    assert "-  book.apply(net.bucket)" in tools.run("nbdiff", "HEAD", names[0], cwd=repository)


@shows("jupytext", "a run whose file is a `.py` of jupytext's", "the prose is in the evidence")
def test_prose_is_kept_under_jupytext(tmp_path):
    """JupyterLab names the `.py` as the notebook's file, and gives its cells ids that are in no file."""
    file = tmp_path / "01_network.py"
    file.write_text(
        "# ---\n# jupyter:\n#   jupytext:\n#     text_representation:\n#       format_name: percent\n# ---\n\n"
        "# %% [markdown]\n# # 01 · Network\n#\n# Creates what later notebooks depend on.\n\n"
        '# %% tags=["parameters"]\nenv = "local"\n\n# %%\n1 + 1\n',
        encoding="utf-8",
    )
    steps = [Step(1, 'env = "dev"'), Step(2, "1 + 1", "an-id-of-jupyter-s", state=State.SUCCEEDED)]
    notebook, cells = build_notebook(steps, file)
    kinds = [(cell.cell_type, cell.source) for cell in notebook.cells]
    assert kinds == [
        ("markdown", "# 01 · Network\n\nCreates what later notebooks depend on."),
        ("code", 'env = "dev"'),
        ("code", "1 + 1"),
    ]
    assert cells.at(2).state is State.SUCCEEDED
    assert notebook.cells[1].metadata["tags"] == ["parameters"]
