"""The function's own code runs in the rehearsal: called by the rule, with its role's rights, and its log is kept."""

import pytest

from embedded_aws.settings import REGION
from embedded_aws.testing import embedded, eventually
from runbook_lib.aws.client import Aws
from runbook_lib.engine.engine import Engine
from runbook_lib.journal.journal import Journal
from runbook_lib.stacks.deploy import deploy
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.stacks.test_deploy import params
from tests.support.trusted_keys import trust

PARAMS = params(rollback_function=True)
NAMES = {"applicationName": "local-web", "deploymentGroupName": "local-web"}
BUCKET = "local-runbook-123456789012-us-west-2"


def part():
    """The function with all that it needs, and the bucket with the lock."""
    return Stack("part", bucket=network(PARAMS).bucket, rollback=deploy(PARAMS).rollback)


def start(aws, name, **more):
    place = {"bucket": BUCKET, "key": f"bundles/{name}.zip", "bundleType": "zip"}
    revision = {"revisionType": "S3", "s3Location": place}
    return aws.client("codedeploy").create_deployment(**NAMES, revision=revision, **more)["deploymentId"]


def info(aws, deployment):
    return aws.client("codedeploy").get_deployment(deploymentId=deployment)["deploymentInfo"]


def prepare(aws, journal):
    """The function, and a group of one server on which a first revision has worked."""
    door = Aws(env="local", region=REGION, account="123456789012", connection=aws.connection)
    engine = Engine(door, journal)
    engine.apply(part())
    assert engine.plan(part(), refresh=True).todo == ()
    role = aws.client("iam").create_role(RoleName="cd", AssumeRolePolicyDocument=trust("codedeploy"))["Role"]["Arn"]
    codedeploy, tag = aws.client("codedeploy"), {"Key": "Name", "Value": "web"}
    image = aws.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [tag]}]
    aws.client("ec2").run_instances(
        ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    codedeploy.create_application(applicationName="local-web", computePlatform="Server")
    filters = [{**tag, "Type": "KEY_AND_VALUE"}]
    codedeploy.create_deployment_group(**NAMES, serviceRoleArn=role, ec2TagFilters=filters)
    for name in ("good", "bad"):
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"bundles/{name}.zip", Body=b"PK\5\6" + bytes(18))
    first = start(aws, "good", description="runbook run r; settings sha256 0123456789ab")
    eventually(lambda: info(aws, first)["status"] == "Succeeded")


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The same account with processes behind it; nobody's server gets the next revision, as there is no host."""
    with embedded(tmp_path) as aws:
        prepare(aws, Journal(tmp_path / "journal.jsonl"))
    monkeypatch.delenv("RUNBOOK_LOCAL_MACHINES")
    with embedded(tmp_path) as aws:
        yield aws


def messages(aws):
    group = "/aws/lambda/local-rollback"
    return [event["message"] for event in aws.client("logs").filter_log_events(logGroupName=group)["events"]]


def test_a_failure_that_nobody_rolls_back_is_rolled_back_once(prepared):
    """With the role's rights and no others: and its own rollback, which fails, too, is not judged."""
    prepared.client("lambda").get_function(FunctionName="local-rollback")  # it has survived the restart
    bad = start(prepared, "bad", description="by hand; settings sha256 abcdefabcdef")
    ended = {"Succeeded", "Failed"}
    newest = eventually(
        lambda: [
            one
            for one in prepared.client("codedeploy").list_deployments(**NAMES)["deployments"]
            if one != bad and info(prepared, one)["description"].startswith("automatic")
        ],
        within=30,
    )[0]
    eventually(lambda: info(prepared, newest)["status"] in ended, within=30)
    rollback = info(prepared, newest)
    assert rollback["revision"]["s3Location"]["key"] == "bundles/good.zip"
    assert rollback["description"] == f"automatic, after {bad}; rollback; settings sha256 abcdefabcdef"
    judged = eventually(lambda: [m for m in messages(prepared) if newest in m and "not judged" in m], within=30)
    assert len(judged) == 1
    assert any(f'"deployment": "{bad}", "outcome": "{newest} rolls back to' in m for m in messages(prepared))
    assert not any("[ERROR]" in m for m in messages(prepared))
    assert len(prepared.client("codedeploy").list_deployments(**NAMES)["deployments"]) == 3
