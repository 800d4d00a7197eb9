"""Each distribution declares what its own modules import, and does not lean on what another one happens to bring."""

import ast
import re
import sys
import tomllib
from importlib.metadata import distributions as installed
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[1]
PYPROJECTS = {"runbook_lib": REPOSITORY, "embedded_aws": REPOSITORY / "embedded-aws"}
TESTING = "testing"
"""The extra of embedded-aws for its module of that name: fixtures for whoever tests against it."""


def normalized(requirement):
    """The name in a requirement: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    name = re.match(r"[\w.-]+", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def project(package):
    return tomllib.loads((PYPROJECTS[package] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported(text):
    """Top-level modules of other distributions that a module's text imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names


def distributions(package, *, testing):
    """The distributions that a package's modules import, each with the module that brings it in."""
    of = packages_distributions()
    found = {}
    modules = sorted((PYPROJECTS[package] / package).rglob("*.py"))
    assert len(modules) > 100
    for path in modules:
        if (path.stem == TESTING) == testing:
            for module in imported(path.read_text(encoding="utf-8")) - {package}:
                for name in {normalized(name) for name in of.get(module, [module])}:
                    found.setdefault(name, path.name)
    return found


@pytest.mark.parametrize("package", PYPROJECTS)
def test_what_a_distribution_imports_it_declares(package):
    """Not the other way round: what a notebook needs, such as a kernel, no module imports."""
    declared = {normalized(each) for each in project(package)["dependencies"]}
    used = distributions(package, testing=False)
    assert len(used) > 10
    assert {name: by for name, by in used.items() if name not in declared} == {}


def test_fixtures_for_others_have_an_extra_of_their_own():
    """Whoever only rehearses gets no pytest."""
    about = project("embedded_aws")
    extra = {normalized(each) for each in about["optional-dependencies"][TESTING]}
    declared = {normalized(each) for each in about["dependencies"]}
    assert set(distributions("embedded_aws", testing=True)) - declared == extra


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import yaml.nodes as nodes, os", {"yaml"}),
        ("from moto.core import x", {"moto"}),
        ("from .moto import x\nfrom . import y", set()),
        ("def late():\n    from aiohttp import web", {"aiohttp"}),
    ],
)
def test_every_way_to_import_counts(text, found):
    assert imported(text) == found


def test_a_locked_package_is_locked_with_the_extras_that_others_ask_for():
    """Otherwise pip 23.2, which comes with Python 3.11 and 3.12, refuses the whole file: `moto[ec2]` has no pin.

    https://github.com/pypa/pip/issues/12345
    """
    lines = (REPOSITORY / "requirements/test.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"\w", line)]
    locked = {normalized(pin.name): pin.extras for pin in pins}
    asked = {}
    for distribution in installed():
        for line in distribution.requires or ():
            wanted = Requirement(line)
            if wanted.extras and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                asked.setdefault(normalized(wanted.name), set()).update(wanted.extras)
    both = asked.keys() & locked.keys()
    assert "moto" in both
    assert {name: asked[name] - locked[name] for name in both if not asked[name] <= locked[name]} == {}
