"""The controls of a run, as CSV and as Compliance Findings of the Open Cybersecurity Schema Framework (OCSF).

https://schema.ocsf.io/1.3.0/classes/compliance_finding
https://github.com/ocsf/ocsf-schema/blob/main/events/findings/compliance_finding.json
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Any

from ...stacks.checks.check import EXCEPTION, FAIL, NOT_APPLICABLE, PASS
from .exports import as_csv
from .run_record import CheckResult, RunRecord

COLUMNS = ("at", "notebook", "control", "cis", "severity", "title", "result", "why", "looked_at", "source")
"""Of ``controls.csv``.  Reasons are separated by ``; ``, ids by spaces."""
_OCSF = "1.3.0"
_CLASS, _CATEGORY, _CREATE = 2003, 2, 1
_SEVERITIES = {"Low": 2, "Medium": 3, "High": 4, "Critical": 5}
_COMPLIANCE = {PASS: (1, "Pass"), FAIL: (3, "Fail"), EXCEPTION: (3, "Fail"), NOT_APPLICABLE: (99, "Not applicable")}
_STATUS = {PASS: (4, "Resolved"), FAIL: (1, "New"), EXCEPTION: (3, "Suppressed"), NOT_APPLICABLE: (4, "Resolved")}
"""Of a finding: an exception suppresses one that failed."""
_FSBP = "AWS Foundational Security Best Practices v1.0.0"
_CIS = "CIS AWS Foundations Benchmark v5.0.0"


def controls_csv(record: RunRecord) -> str:
    """``controls.csv``: the last evaluation of each control, in the order in which they were made."""
    return as_csv(COLUMNS, map(_row, record.controls))


def _row(check: CheckResult) -> dict[str, Any]:
    found = check.found
    lists = {"why": "; ".join(found.get("why", ())), "looked_at": " ".join(found.get("looked at", ()))}
    return {**vars(check), **found, "title": _title(check), **lists}


def _title(check: CheckResult) -> str:
    return check.claim.removeprefix(check.found["control"]).strip()


def controls_ocsf(record: RunRecord) -> list[dict[str, Any]]:
    """``controls.ocsf.json``: the same as events of OCSF's class 2003."""
    return [_finding(record, check) for check in record.controls]


def _finding(record: RunRecord, check: CheckResult) -> dict[str, Any]:
    found, at = check.found, _milliseconds(check.at)
    result, why = str(found.get("result", FAIL)), "; ".join(found.get("why", ()))
    compliance_id, compliance = _COMPLIANCE[result]
    status_id, status = _STATUS[result]
    cis = found.get("cis")
    severity = str(found.get("severity", ""))
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_name": "Findings",
        "category_uid": _CATEGORY,
        "class_name": "Compliance Finding",
        "class_uid": _CLASS,
        "cloud": {
            "account": {"type": "AWS Account", "type_id": 10, "uid": record.get("account")},
            "provider": "AWS",
            "region": record.get("region"),
        },
        "comment": why if result == EXCEPTION else "",
        "compliance": {
            "control": found["control"],
            "requirements": [f"CIS {cis}"] if cis else [],
            "standards": [_FSBP, *([_CIS] if cis else [])],
            "status": compliance,
            "status_detail": why,
            "status_id": compliance_id,
        },
        "finding_info": {
            "created_time": at,
            "src_url": found.get("source", ""),
            "title": _title(check),
            "uid": f"{record.get('run')}/{found['control']}",
        },
        "message": f"{found['control']} {result}: {why}",
        "metadata": {
            "labels": list(_labels(record)),
            "product": {"name": "runbook", "vendor_name": "runbook-lib", "version": version("runbook-lib")},
            "profiles": ["cloud"],
            "version": _OCSF,
        },
        "remediation": {"desc": f"See {found.get('source', '')}", "references": [found.get("source", "")]},
        "resources": [{"region": record.get("region"), "uid": own} for own in found.get("looked at", ())],
        "severity": severity,
        "severity_id": _SEVERITIES.get(severity, 0),
        "status": status,
        "status_id": status_id,
        "time": at,
        "type_name": "Compliance Finding: Create",
        "type_uid": _CLASS * 100 + _CREATE,
    }


def _labels(record: RunRecord) -> Iterator[str]:
    yield f"environment:{record.get('env')}"
    if record.endpoint:
        yield f"rehearsed:{record.endpoint}"


def _milliseconds(at: str) -> int:
    try:
        return round(datetime.fromisoformat(at).timestamp() * 1000)
    except ValueError:
        return 0
