"""The controls of a run as CSV and in OCSF's shape, and in the report: an exception is never shown as a yes."""

import csv
import io

import pytest

from runbook_lib.evidence.report import controls, exports
from runbook_lib.evidence.report.conclusion import YES, conclude
from runbook_lib.evidence.report.page import render_report, write_report
from runbook_lib.evidence.report.run_record import read_run
from runbook_lib.journal.journal import Journal

# https://schema.ocsf.io/1.3.0/classes/compliance_finding: what it requires of an event and of its objects, with the
# profile `cloud`.
REQUIRED = {
    "": ("activity_id", "category_uid", "class_uid", "cloud", "compliance", "finding_info", "metadata", "severity_id",
         "time", "type_uid"),
    "cloud": ("provider",),
    "compliance": ("standards",),
    "finding_info": ("title", "uid"),
    "metadata": ("product", "version"),
}  # fmt: skip


def finding(control, result, why, **more):
    return {
        "control": control, "severity": "High", "source": f"https://example.com/#{control}", "result": result,
        "why": [why], "looked at": ["i-1"], **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl", notebook="01_network")
    start = {"env": "prod", "account": "333344445555", "region": "us-west-2", "mode": "verify"}
    journal.write("open", run="r-1", **start, parameters={"endpoint": "embedded"})
    for claim, ok, found in (
        ("1. One VPC", True, {"result": "exception", "why": ["so it is"], "looked at": []}),
        ("EC2.9 No address", True, finding("EC2.9", "exception", "i-1 has one; exception: bastion")),
        ("EC2.2 Closed", True, finding("EC2.2", "pass", "holds for 1", cis="5.5")),
        ("S3.8 Blocked", False, finding("S3.8", "fail", "=cmd does not")),
        ("RDS.1 Private", True, finding("RDS.1", "not applicable", "none there")),
    ):
        journal.write("check", claim=claim, ok=ok, found=found)
    journal.write("verify", stack="network", ok=False, failed=["S3.8 Blocked"])
    return tmp_path


def record(folder):
    from runbook_lib.journal.reader import events_of

    return read_run(events_of(folder / "journal.jsonl"))


def test_each_finding_has_what_ocsf_requires(folder):
    found = {each["compliance"]["control"]: each for each in controls.controls_ocsf(record(folder))}
    assert set(found) == {"EC2.9", "EC2.2", "S3.8", "RDS.1"}
    for event in found.values():
        for name, fields in REQUIRED.items():
            part = event[name] if name else event
            assert [field for field in fields if part.get(field) in (None, "", [])] == []
        assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (2003, 2, 200301)
        assert event["metadata"]["version"] == "1.3.0"
        assert event["metadata"]["product"]["vendor_name"]
        assert event["time"] > 1_500_000_000_000
        assert event["severity_id"] == 4
        assert event["cloud"]["account"]["uid"] == "333344445555"
        assert "rehearsed:embedded" in event["metadata"]["labels"]
    states = {name: (e["compliance"]["status_id"], e["status_id"]) for name, e in found.items()}
    assert states == {"EC2.9": (3, 3), "EC2.2": (1, 4), "S3.8": (3, 1), "RDS.1": (99, 4)}
    assert "exception: bastion" in found["EC2.9"]["comment"]
    assert found["EC2.2"]["compliance"]["requirements"] == ["CIS 5.5"]
    assert [each["uid"] for each in found["S3.8"]["resources"]] == ["i-1"]


def test_controls_have_a_file_of_their_own_for_a_spreadsheet(folder):
    rows = list(csv.DictReader(io.StringIO(controls.controls_csv(record(folder)))))
    assert [row["control"] for row in rows] == ["EC2.9", "EC2.2", "S3.8", "RDS.1"]
    assert rows[0]["result"] == "exception"
    assert rows[0]["title"] == "No address"
    assert rows[2]["why"].startswith("'=cmd")
    claims = list(csv.DictReader(io.StringIO(exports.checks_csv(record(folder)))))
    assert [row["claim"] for row in claims][:1] == ["1. One VPC"]
    assert "EC2.9" not in str(claims)


def test_the_report_names_results_and_shows_no_exception_as_a_yes(folder):
    page = render_report(folder)
    assert '<span class="good">yes</span>' not in page
    assert page.count("exception</td>") == 2
    assert '<span class="bad">fail</span>' in page
    assert "1 fail, 1 exception, 1 pass, 1 not applicable" in page
    assert "rehearsed: all calls went to the endpoint <code>embedded</code>" in page
    write_report(folder)
    assert {"controls.csv", "controls.ocsf.json"} <= {path.name for path in folder.iterdir()}


def test_the_conclusion_counts_exceptions_as_such(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl", notebook="01_network")
    journal.write("open", mode="plan")
    journal.write("check", claim="EC2.9 x", ok=True, found=finding("EC2.9", "exception", "-"))
    journal.write("check", claim="EC2.2 x", ok=True, found=finding("EC2.2", "pass", "-"))
    journal.write("check", claim="RDS.1 x", ok=True, found=finding("RDS.1", "not applicable", "-"))
    texts = [each.text for each in conclude(record(tmp_path), intact=True).reasons if each.verdict == YES]
    assert "1 of 3 checks passed; 1 have an exception; 1 do not apply." in texts
