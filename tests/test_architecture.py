"""The architecture shows in the tree, and these rules keep it there."""

import ast
import re
from pathlib import Path

import pytest

import embedded_aws
import runbook_lib

LIBRARY = Path(runbook_lib.__file__).parent
EMBEDDED = Path(embedded_aws.__file__).parent
OUTSIDE = sorted(LIBRARY.rglob("*.py"))
MODULES = OUTSIDE + sorted(EMBEDDED.rglob("*.py"))
DECIDES = [
    "resources/base.py", "stacks/stack.py", "engine/plan.py", "stacks/checks/check.py",
    "params/model.py", "params/rules.py",
]  # fmt: skip
MOVING = {
    *("time", "datetime", "random", "secrets", "uuid"),
    *("os", "sys", "pathlib", "io", "shutil", "tempfile", "glob", "subprocess", "asyncio", "threading"),
    *("socket", "http", "urllib", "urllib3", "requests", "boto3", "botocore"),
}


def name(path):
    top = LIBRARY if path.is_relative_to(LIBRARY) else EMBEDDED.parent
    return str(path.relative_to(top))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Top-level packages that a module imports, and modules of ours as ``runbook_lib.x``."""
    found = set()
    here = path.relative_to(LIBRARY.parent if path.is_relative_to(LIBRARY) else EMBEDDED.parent).parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) + "." if node.level else ""
            module = (base + (node.module or "")).strip(".")
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
            found |= {module.partition(".")[0]}
    return found


def test_only_one_door_leads_to_aws():
    doors = {name(path) for path in OUTSIDE if imported(path) & {"boto3", "botocore"}}
    assert doors == {"aws/client.py"}


@pytest.mark.parametrize("module", DECIDES)
def test_what_decides_has_no_clock_no_network_and_no_files(module):
    """A plan is a function of what is wanted and what was seen."""
    assert imported(LIBRARY / module) & MOVING == set()
    called = {node.id for node in ast.walk(tree(LIBRARY / module)) if isinstance(node, ast.Name)}
    assert called & {"open", "input", "print", "exec", "eval", "__import__"} == set()


def test_only_the_emulator_knows_the_emulator():
    assert [name(path) for path in OUTSIDE if "moto" in imported(path)] == []


def test_one_place_asks_where_the_calls_go():
    """No kind, stack or check knows that there is a local environment."""
    asking = {name(path) for path in OUTSIDE if any(i.startswith("embedded_aws") for i in imported(path))}
    assert asking == set()
    rooms = [path for path in OUTSIDE if path.parent.name in ("resources", "stacks", "checks")]
    assert len(rooms) > 40
    knows = re.compile(r"""\bembedded\b|\bmoto\b|params/local|["']local["']""")
    assert not [name(path) for path in rooms if knows.search(path.read_text("utf-8"))]


def test_nothing_asks_whether_it_is_local():
    asks = re.compile(r"""env\w*\s*(==|!=|in)\s*[("']*local\b""")
    assert [name(path) for path in OUTSIDE if asks.search(path.read_text(encoding="utf-8"))] == []


def test_data_flows_one_way():
    """Kinds know nothing of stacks, stacks nothing of the engine, and what decides nothing of what acts."""
    above = {
        "resources": {"stacks", "engine", "runs", "cli", "evidence", "params"},
        "stacks": {"engine", "runs", "cli", "evidence"},
        "stacks/checks": {"runs", "cli", "evidence"},
    }
    for room, forbidden in above.items():
        assert (LIBRARY / room).is_dir()
        for path in (LIBRARY / room).glob("*.py"):
            ours = {i.split(".")[1] for i in imported(path) if i.startswith("runbook_lib.")}
            assert ours & forbidden == set(), name(path)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_opens_with_what_it_is_and_holds_one_idea(path):
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "has no docstring"
    assert text.count("\n") <= 330


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_class_that_others_use_says_what_it_is(path):
    classes = [node for node in tree(path).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    assert [node.name for node in classes if not ast.get_docstring(node)] == []


def test_one_file_for_each_kind():
    """Adding a kind touches its own file, a contract entry and the stack that uses it: no list of kinds anywhere."""
    kinds = re.compile(r"^@kind\nclass (\w+)", re.MULTILINE)
    files = {path.stem: kinds.findall(path.read_text("utf-8")) for path in (LIBRARY / "resources").glob("*.py")}
    assert [stem for stem, found in files.items() if not found and stem not in ("__init__", "base", "traffic")] == []
    snake = {stem: [re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower() for kind in found] for stem, found in files.items()}
    assert [s for s, found in snake.items() if found and not any(s in k or k in s for k in found)] == []
