"""A project of three environments, each in an account of its own, in one embedded AWS."""

from __future__ import annotations

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ACCOUNTS = {"fleet-a": "111111111111", "fleet-b": "222222222222", "fleet-c": "333333333333"}


def make_project(folder: Path) -> Path:
    """Copy what a project has, with parameters of three environments that keep their evidence in their buckets."""
    for name in ("notebooks", "webapp"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    make_params(folder)
    return folder


def make_params(folder: Path) -> None:
    """Write the parameters of the three environments, and a folder for wave plans."""
    (folder / "params").mkdir()
    (folder / "fleet").mkdir()
    for env in ACCOUNTS:
        write_params(folder, env)


def write_params(project: Path, env: str, changes: dict[str, str] | None = None) -> None:
    """Write the parameters of an environment: those of `local`, with its own name, account and network."""
    text = (REPOSITORY / "params" / "local.yaml").read_text(encoding="utf-8")
    own = {
        "env: local": f"env: {env}",
        "123456789012": ACCOUNTS.get(env, "123456789012"),
        "10.20.": f"10.{40 + [*ACCOUNTS, env].index(env)}.",
        "web.local.test": f"web.{env}.test",
        "store: local ": "store: bucket ",
        "keep_bucket: false": "keep_bucket: true",
    }
    for old, new in {**own, **(changes or {})}.items():
        assert old in text, old
        text = text.replace(old, new)
    (project / "params" / f"{env}.yaml").write_text(text, encoding="utf-8")
