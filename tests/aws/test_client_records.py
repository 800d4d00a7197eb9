"""What the client of AWS records of a call, and what it learns from it: no request leaves the process."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from botocore import exceptions as botocore_errors
from botocore.awsrequest import AWSResponse

from runbook_lib.aws import client as client_module
from runbook_lib.aws.client import Aws
from runbook_lib.aws.connection import Connection
from runbook_lib.aws.outages import Outage
from runbook_lib.errors import RequestRejected

ANSWER = "<CreateVpcResponse><requestId>req-7</requestId><vpc><vpcId>vpc-1</vpcId></vpc></CreateVpcResponse>"
REFUSED = "<Response><Errors><Error><Code>{}</Code></Error></Errors><RequestID>req-9</RequestID></Response>"


class TestRecords:
    GIVEN = {"env": "test", "region": "us-west-2", "connection": Connection("http://127.0.0.1:9", "K", "S")}  # noqa: RUF012

    @pytest.fixture
    def send(self, monkeypatch):
        """Sends a call that takes two and a half seconds; returns what was recorded of it."""
        now, self.sent = [100.0], []
        monkeypatch.setattr(client_module, "time", SimpleNamespace(monotonic=lambda: now[0]))

        def send(answer, call, **more):
            def wire(session, request):
                now[0] += 2.5
                self.sent.append(request)
                if isinstance(answer, Exception):
                    raise answer
                status, text = answer
                raw = SimpleNamespace(stream=lambda: iter([text.encode()]))
                return AWSResponse(request.url, status, {"content-type": "text/xml"}, raw)

            monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", wire)
            records = []
            try:
                call(Aws(**self.GIVEN, on_call=lambda event, **fields: records.append((event, fields)), **more))
            except RequestRejected as error:
                return records, error.code
            return records, ""

        return send

    def record(self, operation="CreateVpc", **more):
        known = {"service": "ec2", "operation": operation, "write": operation == "CreateVpc", "ms": 2500}
        return "call", known | {"status": 200, "request_id": "req-7", "error": None} | more

    @staticmethod
    def write(aws):
        return aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")

    @staticmethod
    def read(aws):
        return aws.ec2.describe_vpcs()

    def test_a_write(self, send):
        found = []
        records, code = send((200, ANSWER), lambda aws: found.append(self.write(aws)["Vpc"]["VpcId"]))
        assert (records, code, found) == ([self.record()], "", ["vpc-1"])

    def test_a_refusal(self, send):
        told = {"status": 403, "request_id": "req-9", "error": "AccessDenied"}
        refused = 403, REFUSED.format("AccessDenied")
        assert send(refused, self.write) == ([self.record(**told)], "AccessDenied")
        assert send(refused, self.read) == ([self.record("DescribeVpcs", **told)], "AccessDenied")

    def test_what_was_read_and_what_was_only_tried_is_not(self, send):
        assert send((200, "<DescribeVpcsResponse/>"), self.read) == ([], "")
        dry_run = 412, REFUSED.format("DryRunOperation")
        assert send(dry_run, self.write) == ([], "DryRunOperation")
        assert send(dry_run, self.read) == ([], "DryRunOperation")

    def test_what_nobody_answered(self, send):
        error = botocore_errors.ReadTimeoutError(endpoint_url="https://ec2")
        told = {"status": None, "request_id": None, "error": "NoAnswer"}
        assert send(error, self.write) == ([self.record(**told)], "NoAnswer")

    def test_what_was_cut_off_is_no_answer(self, send):
        told = {"status": None, "request_id": None, "error": "NoAnswer", "service": "codedeploy"}
        cut = 200, '{"deploymentId": "d-1'
        records = send(cut, lambda aws: aws.codedeploy.create_deployment(applicationName="web"))
        assert records == ([self.record(**told, operation="CreateDeployment", write=True)], "NoAnswer")

    def test_what_was_done_in_part_is_an_error(self, send):
        error = "<error><code>Code</code><message>No.</message></error>"
        listed = f"<unsuccessful><item>{error}<resourceId>fl-1</resourceId></item></unsuccessful>"
        answer = f"<DeleteFlowLogsResponse>{listed}</DeleteFlowLogsResponse>"
        assert send((200, answer), lambda aws: aws.ec2.delete_flow_logs(FlowLogIds=["fl-1"]))[1] == "Code"

    def test_who_has_answered_is_waited_for_when_it_does_not(self, send, monkeypatch):
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
        paused, refused = [], botocore_errors.ReadTimeoutError(endpoint_url="https://ec2")
        for answers, waits in (([refused], 0), ([(200, "<DescribeVpcsResponse/>"), refused], 1)):
            outage = Outage(lambda: 1000 * len(paused), paused.append)
            for answer in answers:
                send(answer, self.read, outage=outage)
            assert len(paused) == waits

    @pytest.mark.parametrize(("account", "owner"), [("123456789012", b"123456789012"), ("", None)])
    def test_a_bucket_has_to_be_the_account_s(self, send, account, owner):
        send((200, ""), lambda aws: aws.s3.head_bucket(Bucket="b"), account=account)
        assert [request.headers.get("x-amz-expected-bucket-owner") for request in self.sent] == [owner]

    def test_secrets_are_learnt_from_the_request_and_from_the_answer(self, send):
        found = []
        send((200, ANSWER), self.write, add_secrets=found.append)
        assert found[0] == {"CidrBlock": "10.0.0.0/16"}
        assert found[1]["Vpc"] == {"VpcId": "vpc-1"}
        assert len(found) == 2
