"""What a plan shows of a launch template's user data: a digest, and the lines that differ."""

from dataclasses import replace

from runbook_lib.cli.plan_markdown import plan_markdown
from runbook_lib.cli.plan_text import plan_lines
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.journal.summary import summarize
from runbook_lib.runs.kernel.report import Report
from runbook_lib.runs.recording import Recording
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_compute import CASES
from tests.resources.test_contract import bring_about, grounds

OLD = "#!/bin/sh\n" + "".join(f"echo {number}\n" for number in range(20))
NEW = OLD.replace("echo 7\n", "echo seven\nexport PASSWORD=zq8Xw4nT7pLk2vRb\n")
DIFFERENCE = ("  echo 6", "- echo 7", "+ echo seven", "+ export PASSWORD=zq8Xw4nT7pLk2vRb", "  echo 8")
TEMPLATE = replace(CASES["launch template"][0], user_data=OLD)


def test_a_plan_shows_the_lines_of_the_user_data_that_differ(engine, tmp_path):
    """In the terminal, the pull request and the notebook, without secrets; the fingerprint is of the digests."""
    bring_about(engine, grounds(TEMPLATE))
    bring_about(engine, Stack("s", it=TEMPLATE))
    plan = engine.plan(Stack("compute", template=replace(TEMPLATE, user_data=NEW)), refresh=True)
    (change,) = plan.todo
    assert set(change.fields) == {"user_data"}
    assert "echo" not in str(plan.as_dict())
    lines = change.differences["user_data"]
    assert lines[-len(DIFFERENCE) :] == DIFFERENCE
    folder = RunFolder(tmp_path / "test", "run-1", "03_compute")
    Recording(folder, folder.journal(), engine, "run-1", "me", "").record_plan(plan, present=True)
    summary = summarize(folder.path / "journal.jsonl", "03_compute")
    report = Report.of(plan, "plan", whole=True)
    shown = [
        "\n".join(line.text for line in plan_lines(summary)),
        plan_markdown("prod", "run-1", [summary]),
        str(report),
        report.html(),
    ]
    for text in shown:
        assert "- echo 7" in text
        assert "+ echo seven" in text
        assert "PASSWORD=[redacted]" in text.replace("<wbr>", "")
        assert "zq8Xw4nT7pLk2vRb" not in text
        assert "echo 12" not in text
