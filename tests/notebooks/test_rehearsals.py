"""Every environment's parameters are rehearsed with the real command, and satisfy each control or say why not."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import runbook_lib
from embedded_aws.client import process
from runbook_lib.cli.main import main
from runbook_lib.params.controls import CONTROLS

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


@pytest.mark.exhaustive
@pytest.mark.parametrize("env", ["dev", "staging", "prod"])
def test_an_environment_is_applied_and_verified_in_a_rehearsal(tmp_path, monkeypatch, env):
    """`--rehearse` on a clean root: zero failing controls, each exception with its reason, and a run that says so."""
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / f"{env}.yaml").write_text((PARAMS / f"{env}.yaml").read_text(encoding="utf-8"))
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    own = tmp_path / "rehearsals" / env
    try:
        for verb in ("apply", "verify"):
            result = CliRunner().invoke(main, [verb, "--env", env, "--rehearse"])
            assert result.exit_code == 0, result.output
            assert f"{verb} {env}, rehearsed in {own}, not on AWS" in result.output
        assert "Claims: " in result.output
        (head,) = [line for line in result.output.splitlines() if line.startswith("Controls: ")]
        assert " fail" not in head
        (run,) = (path for path in (own / "artifacts" / env).glob("*-verify-*") if path.is_dir())
        rows = list(csv.DictReader((run / "controls.csv").open(encoding="utf-8")))
        assert {row["control"] for row in rows} == set(CONTROLS)
        assert {row["result"] for row in rows} <= {"pass", "exception", "not applicable"}
        assert all("exception" in row["why"] for row in rows if row["result"] == "exception")
        assert len(json.loads((run / "controls.ocsf.json").read_text(encoding="utf-8"))) == len(CONTROLS)
        assert "rehearsed: all calls went to the endpoint" in (run / "report.html").read_text(encoding="utf-8")
        assert not (tmp_path / "artifacts").exists()
    finally:
        process.stop(own)
