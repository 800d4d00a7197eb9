"""A role's calls are allowed or refused as its policies say; the operator's are not evaluated."""

import json
import urllib.request

import pytest
from botocore.exceptions import ClientError

from embedded_aws.settings import REGION
from tests.support.trusted_keys import trust

CALLER = "arn:aws:sts::123456789012:assumed-role/app/one"
HERE = f"{REGION}:123456789012"


def test_the_refusal_is_that_of_each_service(role, refused):
    """Code, status and words."""

    def message(action, resource):
        asked = f"User: {CALLER} is not authorized to perform: {action} on resource: {resource}"
        return f"{asked} because no identity-based policy allows the {action} action"

    queue = f"arn:aws:sqs:{HERE}:orders"
    assert refused(role.client("sqs").create_queue, QueueName="orders") == (
        "AccessDenied", message("sqs:createqueue", queue), 403,
    )  # fmt: skip
    topic = f"arn:aws:sns:{HERE}:news"
    assert refused(role.client("sns").create_topic, Name="news") == (
        "AuthorizationError", message("SNS:CreateTopic", topic), 403,
    )  # fmt: skip
    assert refused(role.client("s3").get_object, Bucket="files", Key="a/b") == (
        "AccessDenied", message("s3:GetObject", '"arn:aws:s3:::files/a/b"'), 403,
    )  # fmt: skip
    table = f"arn:aws:dynamodb:{HERE}:table/t"
    assert refused(role.client("dynamodb").get_item, TableName="t", Key={"id": {"S": "1"}}) == (
        "AccessDeniedException", message("dynamodb:GetItem", table), 400,
    )  # fmt: skip
    assert refused(role.client("ec2").describe_instances) == (
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. {message('ec2:DescribeInstances', '*')}",
        403,
    )
    assert refused(role.client("iam").list_roles)[0] == "AccessDenied"
    assert refused(role.client("lambda").invoke, FunctionName="f") == (
        "AccessDeniedException", message("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f"), 403,
    )  # fmt: skip
    assert refused(role.client("cloudwatch").put_metric_data, Namespace="n", MetricData=[])[2] in (400, 403)
    assert refused(role.client("s3").head_object, Bucket="files", Key="k")[2] == 403


def test_who_one_is_needs_no_permission(role):
    role.allow("*", effect="Deny")
    identity = role.client("sts").get_caller_identity()
    assert identity["Arn"] == CALLER
    assert identity["UserId"].endswith(":one")


def test_the_operator_may_do_everything(role, aws):
    role.allow("*", effect="Deny")
    aws.client("sqs").create_queue(QueueName="orders")


def test_what_is_allowed_works_until_it_is_taken_away(role, refused):
    """By an inline policy, a managed one, or AWS's own; a boundary limits all of them."""
    queues = role.client("sqs")
    role.allow(["sqs:CreateQueue", "sqs:SendMessage"], f"arn:aws:sqs:{HERE}:ord*")
    url = queues.create_queue(QueueName="orders")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="one")
    queues.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "two"}])
    assert "sqs:createqueue" in refused(queues.create_queue, QueueName="other")[1]
    assert "sqs:tagqueue" in refused(queues.create_queue, QueueName="ordered", tags={"a": "b"})[1]
    role.iam.delete_role_policy(RoleName="app", PolicyName="app")
    assert "sqs:sendmessage" in refused(queues.send_message, QueueUrl=url, MessageBody="one")[1]
    role.iam.attach_role_policy(RoleName="app", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    queues.send_message(QueueUrl=url, MessageBody="one")
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    boundary = role.iam.create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    role.iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=boundary)
    assert refused(queues.send_message, QueueUrl=url, MessageBody="one")[1].endswith(
        "because no permissions boundary allows the sqs:sendmessage action"
    )


def test_objects_and_buckets(role, aws, refused):
    """Each call by its own action and resource, as the service authorization reference has them."""
    aws.client("s3").create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.client("s3").put_object(Bucket="files", Key="theirs/x", Body=b"1")
    s3 = role.client("s3", s3={"addressing_style": "path"})
    role.allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::files/mine/*")
    role.allow("s3:ListBucket", "arn:aws:s3:::files", name="list", Condition={"StringLike": {"s3:prefix": "mine/*"}})
    s3.put_object(Bucket="files", Key="mine/x", Body=b"1")
    assert s3.get_object(Bucket="files", Key="mine/x")["Body"].read() == b"1"
    s3.head_object(Bucket="files", Key="mine/x")
    upload = s3.create_multipart_upload(Bucket="files", Key="mine/y")["UploadId"]
    s3.upload_part(Bucket="files", Key="mine/y", UploadId=upload, PartNumber=1, Body=b"1")
    assert s3.list_objects_v2(Bucket="files", Prefix="mine/")["KeyCount"] == 1
    assert "s3:ListBucket" in refused(s3.list_objects_v2, Bucket="files")[1]
    assert "s3:ListAllMyBuckets" in refused(s3.list_buckets)[1]
    assert "theirs/x" in refused(s3.get_object, Bucket="files", Key="theirs/x")[1]
    assert "s3:GetObject" in refused(s3.copy_object, Bucket="files", Key="mine/z", CopySource="files/theirs/x")[1]
    assert "s3:DeleteObject" in refused(s3.delete_objects, Bucket="files", Delete={"Objects": [{"Key": "mine/x"}]})[1]
    url = s3.generate_presigned_url("get_object", {"Bucket": "files", "Key": "mine/x"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"1"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(s3.generate_presigned_url("get_object", {"Bucket": "files", "Key": "theirs/x"}))


def test_secrets_and_parameters(role, aws, refused):
    """By name or ARN; an own key needs kms:Decrypt."""
    secrets, stored = aws.client("secretsmanager"), aws.client("ssm")
    mine = secrets.create_secret(Name="mine", SecretString="1")["ARN"]
    other = secrets.create_secret(Name="other", SecretString="1", Tags=[{"Key": "team", "Value": "a"}])["ARN"]
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    locked = secrets.create_secret(Name="locked", SecretString="1", KmsKeyId=key)["ARN"]
    stored.put_parameter(Name="/app/config", Value="1", Type="String")
    stored.put_parameter(Name="plain", Value="1", Type="SecureString", KeyId=key)
    role.allow("secretsmanager:GetSecretValue", [mine, f"{locked[:-6]}??????"])
    role.allow(["ssm:GetParameter*"], [f"arn:aws:ssm:{HERE}:parameter/app/*", f"arn:aws:ssm:{HERE}:parameter/plain"],
               name="ssm")  # fmt: skip
    reader, config = role.client("secretsmanager"), role.client("ssm")
    assert reader.get_secret_value(SecretId="mine")["SecretString"] == "1"
    assert reader.get_secret_value(SecretId=mine)["SecretString"] == "1"
    assert other in refused(reader.get_secret_value, SecretId="other")[1]
    assert f"kms:Decrypt on resource: {key}" in refused(reader.get_secret_value, SecretId="locked")[1]
    role.allow("secretsmanager:GetSecretValue", "*", name="tagged",
               Condition={"StringEquals": {"aws:ResourceTag/team": "a"}})  # fmt: skip
    assert reader.get_secret_value(SecretId="other")["SecretString"] == "1"
    assert config.get_parameter(Name="/app/config")["Parameter"]["Value"] == "1"
    assert len(config.get_parameters_by_path(Path="/app/")["Parameters"]) == 1
    assert "parameter/other" in refused(config.get_parameters, Names=["/app/config", "/other"])[1]
    assert "kms:Decrypt" in refused(config.get_parameter, Name="plain", WithDecryption=True)[1]
    role.allow("kms:Decrypt", key, name="kms")
    assert config.get_parameter(Name="plain", WithDecryption=True)["Parameter"]["Value"] == "1"
    assert reader.get_secret_value(SecretId=locked)["SecretString"] == "1"


def test_logs_metrics_and_tables(role, aws, refused):
    role.allow(["logs:*"], f"arn:aws:logs:{HERE}:log-group:/app/*")
    role.allow("cloudwatch:PutMetricData", name="metrics", Condition={"StringEquals": {"cloudwatch:namespace": "app"}})
    role.allow(["dynamodb:PutItem", "dynamodb:BatchWriteItem"], f"arn:aws:dynamodb:{HERE}:table/t", name="tables")
    logs = role.client("logs")
    logs.create_log_group(logGroupName="/app/web")
    logs.create_log_stream(logGroupName="/app/web", logStreamName="i-1")
    events = [{"timestamp": 1_700_000_000_000, "message": "hello"}]
    logs.put_log_events(logGroupName="/app/web", logStreamName="i-1", logEvents=events)
    assert "log-group:/other:log-stream: because" in refused(logs.create_log_group, logGroupName="/other")[1]
    metrics = role.client("cloudwatch")
    metrics.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Value": 1}])
    assert "cloudwatch:PutMetricData" in refused(
        metrics.put_metric_data, Namespace="other", MetricData=[{"MetricName": "m", "Value": 1}]
    )[1]  # fmt: skip
    aws.client("dynamodb").create_table(
        TableName="t", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    tables, item = role.client("dynamodb"), {"id": {"S": "1"}}
    tables.put_item(TableName="t", Item=item)
    tables.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": item}}])
    assert "dynamodb:DeleteItem" in refused(
        tables.transact_write_items, TransactItems=[{"Delete": {"TableName": "t", "Key": item}}]
    )[1]  # fmt: skip


def test_a_service_whose_resource_is_unknown_is_asked_for_the_action_only(role, refused):
    """An allowed action suffices, whatever resource its statement names."""
    role.allow("backup:ListBackupVaults", "arn:aws:backup:::x")
    role.client("backup").list_backup_vaults()
    assert refused(role.client("backup").list_backup_plans)[0] == "AccessDeniedException"


def test_another_role_is_assumed_if_both_sides_allow_it(role, refused):
    tokens = role.client("sts")
    other = role.iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust("ec2"))["Role"]["Arn"]
    wanted = {"RoleArn": other, "RoleSessionName": "two"}
    assert "no identity-based policy allows the sts:AssumeRole" in refused(tokens.assume_role, **wanted)[1]
    role.allow("sts:AssumeRole", other)
    assert "no resource-based policy allows the sts:AssumeRole" in refused(tokens.assume_role, **wanted)[1]
    trusted = {"Effect": "Allow", "Principal": {"AWS": role.arn}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role.iam.update_assume_role_policy(RoleName="other", PolicyDocument=document)
    session = tokens.assume_role(**wanted)["Credentials"]
    arn = "arn:aws:sts::123456789012:assumed-role/other/two"
    assert role.client("sts", session).get_caller_identity()["Arn"] == arn
    assert arn in refused(role.client("sqs", session).list_queues)[1]


def test_a_session_policy_limits_its_session(role, refused):
    role.allow("sqs:*")
    only = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]}
    queues = role.client("sqs", role.assume(Policy=json.dumps(only)))
    queues.list_queues()
    assert "no session policy allows the sqs:createqueue" in refused(queues.create_queue, QueueName="orders")[1]


def test_keys_of_a_role_that_is_gone_are_invalid(role, refused):
    session = role.session
    role.iam.delete_role(RoleName="app")
    assert refused(role.client("sqs", session).list_queues)[0] in (
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    )
    made_up = {"AccessKeyId": "ASIAEMBEDDED00000000", "SecretAccessKey": "s", "SessionToken": "t"}
    with pytest.raises(ClientError, match="token included in the request is invalid"):
        role.client("sts", made_up).get_caller_identity()
    assert refused(role.client("s3", made_up).list_buckets)[0] == "InvalidAccessKeyId"
    assert refused(role.client("ec2", made_up).describe_vpcs)[0] == "AuthFailure"
