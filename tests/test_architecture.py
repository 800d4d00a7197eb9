"""What the contracts for import-linter in pyproject.toml cannot say of the architecture."""

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
    """Names of the top-level packages that a module imports, ours aside."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


def test_the_rules_below_look_at_all_modules():
    assert len(OUTSIDE) > 100
    assert len(MODULES) - len(OUTSIDE) > 100


@pytest.mark.parametrize("module", DECIDES)
def test_what_decides_has_no_clock_no_network_and_no_files(module):
    """A plan is a function of what is wanted and what was seen."""
    assert imported(LIBRARY / module) & MOVING == set()
    called = {node.id for node in ast.walk(tree(LIBRARY / module)) if isinstance(node, ast.Name)}
    assert called & {"open", "input", "print", "exec", "eval", "__import__"} == set()


def test_no_kind_stack_or_check_knows_that_there_is_a_local_environment():
    decide = [path for path in OUTSIDE if path.parent.name in ("resources", "stacks", "checks")]
    assert len(decide) > 40
    knows = re.compile(r"""\bembedded\b|\bmoto\b|params/local|["']local["']""")
    assert not [name(path) for path in decide if knows.search(path.read_text("utf-8"))]


def test_nothing_asks_whether_it_is_local():
    asks = re.compile(r"""env\w*\s*(==|!=|in)\s*[("']*local\b""")
    assert [name(path) for path in OUTSIDE if asks.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_opens_with_what_it_is_and_holds_one_idea(path):
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "has no docstring"
    assert text.count("\n") <= 345  # with a docstring in every method


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_class_that_others_use_says_what_it_is(path):
    classes = [node for node in tree(path).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    assert [node.name for node in classes if not ast.get_docstring(node)] == []


def test_one_file_for_each_kind():
    """Adding a kind touches its own file, a contract entry and the stack that uses it: no list of kinds anywhere."""
    kinds = re.compile(r"^@kind\nclass (\w+)", re.MULTILINE)
    files = {path.stem: kinds.findall(path.read_text("utf-8")) for path in (LIBRARY / "resources").glob("*.py")}
    assert len(files) > 40
    shared = {
        "__init__", "base", "db_instance_options", "defaults", "deployment_failure", "deployment_history",
        "engine_versions", "instance_types", "network_interfaces", "predictions", "role_details", "tagging",
        "template_versions", "traffic", "vpc_obstacles",
    }  # fmt: skip
    assert [stem for stem, found in files.items() if not found and stem not in shared] == []
    snake = {stem: [re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower() for kind in found] for stem, found in files.items()}
    assert [s for s, found in snake.items() if found and not any(s in k or k in s for k in found)] == []
