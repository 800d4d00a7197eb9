"""Rows of names, offers, certificates and hosted zones, from what a plan has observed; and all rows together."""

from typing import ClassVar

import pytest

from runbook_lib.aws.permissions import Permission
from runbook_lib.engine.plan import Action, Change, Refusal
from runbook_lib.engine.preflight.certificates import check_certificates
from runbook_lib.engine.preflight.check import count_rows, preflight, raise_if_failed
from runbook_lib.engine.preflight.names import check_names, explain_failure
from runbook_lib.engine.preflight.offers import check_offers
from runbook_lib.engine.preflight.row import FAILED, NOT_ASKED, PASSED, Prerequisite, ask
from runbook_lib.errors import NotOwned, ParamsError, PreflightFailed, RequestRejected
from runbook_lib.resources.base import Observed
from runbook_lib.resources.bucket import Bucket
from runbook_lib.resources.hosted_zone import HostedZone
from runbook_lib.resources.listener import Listener
from runbook_lib.resources.vpc import Vpc
from runbook_lib.stacks.compute import compute
from runbook_lib.stacks.environment import whole
from tests.engine.preflight.answers import Answers, changes, params
from tests.support.stack_runs import PARAMS

ARN = "arn:aws:acm:us-west-2:123456789012:certificate/11111111-2222-3333-4444-555555555555"
ZONE = "Z0123456789EXAMPLE"
ANN, ROOT = (f"arn:aws:iam::123456789012:{who}" for who in ("user/ann", "root"))
GIVEN = params(compute={"certificate": {"arn": ARN}})
REQUESTED = params(compute={"certificate": {"domain": "www.example.com", "hosted_zone": ZONE}})


class TestCertificates:
    def row(self, observed, action=Action.KEEP, refusal=None):
        (listener,) = compute(GIVEN).every(Listener)
        change = Change(listener, action, None, None, {}, refusal=refusal)
        (row,) = check_certificates({listener.certificate: observed}, [change])
        assert row.name == f"certificate: {listener.certificate.key}"
        return row

    @pytest.mark.parametrize(
        ("status", "failed", "result", "told"),
        [
            ("issued", "", PASSED, "is issued, for www.example.com"),
            ("expired", "EXPIRED", FAILED, "is EXPIRED"),
            ("pending validation", "", FAILED, "is pending validation"),
        ],
    )
    def test_one_that_a_listener_has_already(self, status, failed, result, told):
        """Nothing of the listener changes: that it expired since is told all the same, and what to do."""
        ready = status == "issued"
        detail = {"domain": "www.example.com"}
        row = self.row(Observed(ARN, {}, ready=ready, status=status, failed=failed, detail=detail))
        assert (row.result, row.finding) == (result, f"{ARN} {told}")
        assert ("Have it issued or renewed" in row.fix) is not ready

    def test_one_that_does_not_exist(self):
        row = self.row(None, Action.BLOCKED)
        assert (row.result, row.finding) == (FAILED, f"{ARN} does not exist")
        assert "compute.certificate.arn" in row.fix

    def test_one_that_load_balancers_refuse(self):
        refusal = Refusal(frozenset({"certificate"}), "no key of that size", "Have it corrected.")
        observed = Observed(ARN, {}, ready=True, status="issued", detail={"domain": "x"})
        row = self.row(observed, Action.BLOCKED, refusal)
        assert (row.result, row.finding, row.fix) == (FAILED, "no key of that size", "Have it corrected.")

    def test_without_a_listener_nothing_is_asked(self):
        (listener,) = compute(GIVEN).every(Listener)
        unused = [Change(listener.certificate, Action.KEEP, None, None, {})]
        assert [*check_certificates({}, unused)] == []


class TestHostedZones:
    def row(self, domain):
        zone = next(each for each in compute(REQUESTED) if isinstance(each, HostedZone))
        observed = Observed(ZONE, {}, ready=True, detail={"domain": domain}) if domain else None
        found = check_certificates({zone: observed}, changes(compute(REQUESTED)))
        (row,) = [row for row in found if row.name == f"hosted zone: {zone.key}"]
        return row

    @pytest.mark.parametrize("domain", ["example.com.", "example.com", "www.example.com."])
    def test_the_zone_of_the_domain(self, domain):
        row = self.row(domain)
        assert row.result == PASSED
        assert row.finding == f"{ZONE} is the public zone of {domain.rstrip('.')} in this account"

    @pytest.mark.parametrize("domain", ["example.org.", "ample.com.", "a.www.example.com.", "le.com"])
    def test_the_zone_of_another_domain(self, domain):
        row = self.row(domain)
        assert row.result == FAILED
        assert row.finding == f"{ZONE} is the zone of {domain.rstrip('.')}, which www.example.com is not in"
        assert "compute.certificate.hosted_zone" in row.fix

    def test_no_zone(self):
        row = self.row(None)
        assert (row.result, row.finding) == (FAILED, f"{ZONE} does not exist in this account")
        assert "compute.certificate.hosted_zone" in row.fix


class TestNames:
    def test_one_row_for_all_that_are_free(self):
        two = changes(list(whole(PARAMS))[:2]) + changes(list(whole(PARAMS))[2:5], Action.UPDATE)
        (row,) = check_names(two)
        told = "none of the 2 names and tags to create is somebody else's"
        assert (row.name, row.result, row.finding) == ("names", PASSED, told)

    def test_nothing_to_create_needs_no_name(self):
        assert [*check_names(changes(whole(PARAMS), Action.UPDATE))] == []

    def test_each_that_is_taken_has_a_row_of_its_own(self):
        resources = [each for each in whole(PARAMS)][:4]
        theirs = Observed("x", {}, ready=True, foreign="the name is taken by x")
        taken = [Change(each, Action.BLOCKED, theirs, None, {}, reason=f"{each.key} is taken", fix="Rename it.")
                 for each in resources[:2]]  # fmt: skip
        ours = Change(resources[2], Action.KEEP, Observed("y", {}, ready=True), None, {})
        found = [*check_names([*taken, ours, *changes(resources[3:])])]
        assert [(row.name, row.result, row.finding, row.fix) for row in found] == [
            (f"name: {each.key}", FAILED, f"{each.key} is taken", "Rename it.") for each in resources[:2]
        ]

    @pytest.fixture
    def failure(self, monkeypatch):
        """The row of a resource whose observation ends so, among others that are observed."""

        def failure(error, kind):
            def observe(resource, snapshot, ids):
                if type(resource) is kind:
                    raise error
                return Observed(resource.key, {}, ready=True)

            monkeypatch.setattr("runbook_lib.engine.preflight.names.observe", observe)
            (row,) = explain_failure(Answers(), whole(PARAMS))
            return row

        return failure

    def test_what_is_not_ours_is_named(self, failure):
        row = failure(NotOwned("it is theirs", fix="Adopt it."), Vpc)
        assert (row.name, row.result, row.finding, row.fix) == ("name: vpc.main", FAILED, "it is theirs", "Adopt it.")

    def test_what_the_parameters_have_wrong_is_named(self, failure):
        row = failure(ParamsError("no such zone", fix="Correct it."), Vpc)
        told = ("parameters: vpc.main", FAILED, "no such zone", "Correct it.")
        assert (row.name, row.result, row.finding, row.fix) == told

    @pytest.mark.parametrize("code", ["AccessDenied", "403"])
    def test_a_bucket_that_may_not_be_looked_at_may_be_anothers(self, failure, code):
        error = RequestRejected("HeadBucket was refused", fix="Ask.", code=code)
        row = failure(error, Bucket)
        assert (row.name, row.result) == ("name: bucket.runbook", FAILED)
        assert "local-runbook-123456789012-us-west-2 belongs to another account, or" in row.finding
        assert row.finding.endswith("may not look at it: HeadBucket was refused")
        assert "rename env" in row.fix
        row = failure(error, Vpc)
        assert (row.name, row.result, row.finding) == ("name: vpc.main", NOT_ASKED, "HeadBucket was refused")

    def test_another_refusal_is_told_as_it_is(self, failure):
        row = failure(RequestRejected("HeadBucket was throttled", fix="Wait.", code="SlowDown"), Bucket)
        told = ("name: bucket.runbook", NOT_ASKED, "HeadBucket was throttled", "Wait.")
        assert (row.name, row.result, row.finding, row.fix) == told


class TestOffers:
    KINDS: ClassVar = {
        "cache_replication_group.sessions": "cache.t4g.micro",
        "db_instance.database": "db.t4g.micro with MySQL 8.4",
        "instance.bastion": "t4g.nano in us-west-2a, and has the image",
        "launch_template.web": "t4g.small in us-west-2a, us-west-2b, and has the image",
    }
    STACK = whole(params(data={"sessions": {"store": "elasticache", "node_type": "cache.t4g.micro"}}))

    def rows(self, action, field="image", **more):
        own = [each for each in self.STACK if each.key in self.KINDS]
        changed = [Change(each, action, None, None, {field: (None, "x")}, **more) for each in own]
        other = changes([each for each in self.STACK if each.key not in self.KINDS], action, **{field: (None, "x")})
        return {row.name.partition("offered: ")[2]: row for row in check_offers([*changed, *other])}

    def test_what_is_launched_is_offered(self):
        found = self.rows(Action.CREATE)
        cache = found.pop("cache_replication_group.sessions")
        told = "ElastiCache has no call that tells whether it offers cache.t4g.micro"
        assert (cache.result, cache.finding) == (NOT_ASKED, told)
        told = {key: (PASSED, f"AWS offers {words}") for key, words in self.KINDS.items() if "cache" not in key}
        assert {key: (row.result, row.finding) for key, row in found.items()} == told

    def test_of_a_cache_that_exists_aws_tells_to_what_it_may_change(self):
        found = self.rows(Action.UPDATE)
        assert {row.result for row in found.values()} == {PASSED}
        assert set(found) == set(self.KINDS)

    @pytest.mark.parametrize(
        "field", ["image", "instance_type", "instance_class", "engine_version", "multi_az", "node_type"]
    )
    def test_each_field_that_aws_is_asked_about(self, field):
        assert set(self.rows(Action.UPDATE, field)) == set(self.KINDS)

    def test_other_changes_ask_nothing(self):
        assert self.rows(Action.UPDATE, "tags") == self.rows(Action.DELETE) == self.rows(Action.KEEP) == {}

    def test_a_refusal_is_told_with_its_way_out(self):
        refusal = Refusal(frozenset({"instance_type"}), "AWS does not offer it", "Take another.")
        for field in ("tags", "image"):
            found = self.rows(Action.BLOCKED, field, refusal=refusal)
            assert set(found) == set(self.KINDS)
            told = {(row.result, row.finding, row.fix) for row in found.values()}
            assert told == {(FAILED, "AWS does not offer it", "Take another.")}


class TestAllRows:
    def test_without_changes_only_the_credentials(self):
        account = Answers()
        (row,) = preflight(account, [], {}, caller="arn:x", permissions=[])
        assert (row.name, row.result) == ("credentials", PASSED)
        assert row.finding == "arn:x in account 123456789012, region us-west-2"
        assert account.asked == []

    @pytest.mark.parametrize(
        ("caller", "decision", "rows"),
        [
            (ANN, "allowed", ["permissions"]),
            (ANN, "implicitDeny", ["permissions"]),  # may only look
            (ROOT, "", ["permissions", "permissions of EC2"]),
        ],
    )
    def test_ec2_is_asked_where_iam_does_not_answer(self, caller, decision, rows):
        denied = {"EvalActionName": "ec2:CreateVpc", "EvalResourceName": "*", "EvalDecision": decision}
        account = Answers(simulate_principal_policy=[denied] if decision else None)
        needed = [Permission(("apply",), ("ec2:CreateVpc",))]
        vpc = changes([each for each in whole(PARAMS) if isinstance(each, Vpc)])
        found = preflight(account, vpc, {}, caller=caller, permissions=needed, only_plans=True)
        assert [row.name for row in found] == ["credentials", *rows, "quota: VPCs", "names"]

    def test_a_row_is_kept_as_it_is(self):
        row = Prerequisite("quota: VPCs", FAILED, "6 in use", "Ask.")
        assert row.as_dict() == {"name": "quota: VPCs", "result": FAILED, "finding": "6 in use", "fix": "Ask."}

    def test_an_answer_that_is_refused_is_a_row(self):
        def refuse():
            raise RequestRejected("no", fix="Ask.", code="AccessDenied")

        assert ask("x", refuse) == [Prerequisite("x", NOT_ASKED, "no", "Ask.")]
        assert ask("x", lambda: iter([Prerequisite("y", PASSED, "")])) == [Prerequisite("y", PASSED, "")]

    def test_rows_are_counted_by_their_results(self):
        rows = [Prerequisite("x", result, "") for result in (FAILED, PASSED, NOT_ASKED, PASSED)]
        assert count_rows(rows) == "2 passed, 1 failed, 1 could not be asked"
        assert count_rows(rows[:1]) == "1 failed"

    def test_the_failed_ones_stop_with_their_ways_out(self):
        rows = [Prerequisite("a", PASSED, "fine"), Prerequisite("b", NOT_ASKED, "unknown", "Ask.")]
        raise_if_failed(rows)
        rows += [Prerequisite("c", FAILED, "taken", "Rename it."), Prerequisite("d", FAILED, "small")]
        with pytest.raises(PreflightFailed) as stopped:
            raise_if_failed(rows)
        text = str(stopped.value)
        assert "2 rows of the preflight failed; nothing was written." in text
        assert "✗ c: taken\n    Rename it.\n✗ d: small" in text
        assert "fine" not in text
        assert "unknown" not in text
