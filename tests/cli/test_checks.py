"""`runbook verify` prints one table of the claims and one of the security controls, each with its result and why."""

from runbook_lib.cli.checks import print_checks


def event(claim, ok, found):
    return {"claim": claim, "ok": ok, "found": found}


def control(name, result, why, severity="High"):
    found = {"control": name, "severity": severity, "result": result, "why": [why], "looked at": ["i-1"]}
    return event(f"{name} Title of {name}", result != "fail", found)


def test_claims_and_controls_are_one_table_each(capsys):
    print_checks([
        event("1. One VPC", True, {"result": "pass", "why": ["2 subnets"], "looked at": ["vpc-1"]}),
        control("EC2.2", "pass", "holds for 1"),
        control("EC2.9", "exception", "bastion has one; exception: it is the way in"),
        event("Nothing is open", False, {"db": ["3306"]}),
        control("S3.8", "fail", "bucket does not"),
        control("RDS.1", "not applicable", "no snapshot", "Critical"),
    ])  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Claims: 1 fail, 1 pass",
        "  ✓ 1. One VPC: 2 subnets",
        "  ✗ Nothing is open: db: 3306",
        "Controls: 1 fail, 1 exception, 1 pass, 1 not applicable",
        "  ✓ EC2.2            High     Title of EC2.2: holds for 1",
        "  ○ EC2.9            High     Title of EC2.9: bastion has one; exception: it is the way in",
        "  ✗ S3.8             High     Title of S3.8: bucket does not",
        "  – RDS.1            Critical Title of RDS.1: no snapshot",
    ]


def test_a_run_without_checks_prints_no_table(capsys):
    print_checks([])
    assert capsys.readouterr().out == ""
