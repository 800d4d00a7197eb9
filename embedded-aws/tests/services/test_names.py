"""What services refuse of names, sizes and documents that they are sent."""

import json

import pytest

from services.database import Database
from services.errors import raises, unchanged
from tests.support.trusted_keys import trust

HERE = {"LocationConstraint": "us-west-2"}


def test_databases_with_names_and_passwords_that_rds_does_not_take(network):
    """Nor groups of databases."""
    database = Database(network)
    wrong = [
        ({"DBInstanceIdentifier": "1st"}, "is not a valid identifier"),
        ({"DBInstanceIdentifier": "a--b"}, "is not a valid identifier"),
        ({"MasterUsername": "rdsadmin"}, "cannot be used as it is a reserved word used by the engine"),
        ({"MasterUsername": "u" * 17}, "MasterUsername"),
        ({"DBName": "a-b"}, "DBName must begin with a letter"),
        ({"Port": 80}, "1150"),
        ({"MasterUserPassword": "short"}, "because it is shorter than 8 characters"),
        ({"MasterUserPassword": "x" * 42}, "because it is longer than 41 characters"),
        (
            {"MasterUserPassword": "long-enough@"},
            "Only printable ASCII characters besides '/', '@', '\"', ' ' may be used",
        ),
        ({"AvailabilityZone": "us-east-1a"}, "us-east-1a is not a valid availability zone"),
    ]
    with unchanged(database.rds.describe_db_instances):
        for changed, words in wrong:
            managed = {"ManageMasterUserPassword": False} if "MasterUserPassword" in changed else {}
            with raises("InvalidParameterValue", words):
                database.create(**changed, **managed)
        with raises("InvalidParameterCombination", "Max storage size must be greater than storage size"):
            database.create(MaxAllocatedStorage=20)
    with unchanged(database.rds.describe_db_parameter_groups, database.rds.describe_db_subnet_groups):
        for name, family in (("new", "bogus8.4"), ("1st", "mysql8.4")):
            with raises("InvalidParameterValue"):
                database.rds.create_db_parameter_group(
                    DBParameterGroupName=name, DBParameterGroupFamily=family, Description="d"
                )
        with raises("InvalidParameterValue"):
            database.rds.create_db_subnet_group(
                DBSubnetGroupName="default", DBSubnetGroupDescription="d", SubnetIds=network.subnets
            )


def test_log_groups_with_names_and_days_that_there_are_not(aws):
    """A day more or less than one may choose."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/app")
    with unchanged(logs.describe_log_groups):
        with raises("InvalidParameterException", "Value '13' at 'retentionInDays' failed to satisfy constraint"):
            logs.put_retention_policy(logGroupName="/app", retentionInDays=13)
        with raises("InvalidParameterException", "at 'logGroupName' failed to satisfy constraint"):
            logs.create_log_group(logGroupName="a b")
        with raises("ResourceAlreadyExistsException"):
            logs.create_log_group(logGroupName="/app")


def test_roles_that_iam_does_not_make(aws):
    """Names of few signs, and trust that can be read."""
    iam = aws.client("iam")
    with unchanged(iam.list_roles):
        with raises("ValidationError", "The specified value for roleName is invalid."):
            iam.create_role(RoleName="a b", AssumeRolePolicyDocument=trust("ec2"))
        with raises("ValidationError", "Member must have length less than or equal to 64"):
            iam.create_role(RoleName="r" * 65, AssumeRolePolicyDocument=trust("ec2"))
        for document in ("{}", "none", json.dumps({"Version": "2012-10-17", "Statement": []})):
            with raises("MalformedPolicyDocument"):
                iam.create_role(RoleName="app", AssumeRolePolicyDocument=document)
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=trust("ec2"))
    with raises("EntityAlreadyExists"):
        iam.create_role(RoleName="app", AssumeRolePolicyDocument=trust("ec2"))
    with raises("LimitExceeded"):
        iam.create_instance_profile(InstanceProfileName="app")
        for _ in range(2):
            iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")


def test_buckets_that_s3_does_not_make(aws):
    """Nor deletes, nor gives a policy that says nothing."""
    s3 = aws.client("s3")
    with unchanged(s3.list_buckets):
        for name in ("My_Bucket", "a..b", "192.168.1.1", "xn--bucket", "bucket-s3alias", "-bucket"):
            with raises("InvalidBucketName", "The specified bucket is not valid."):
                s3.create_bucket(Bucket=name, CreateBucketConfiguration=HERE)
        with raises("IllegalLocationConstraintException"):
            s3.create_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=HERE)
    with raises("BucketAlreadyOwnedByYou"):
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=HERE)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    for policy, words in (
        ("none", "Policies must be valid JSON"),
        ("{}", "Missing required field Statement"),
        (json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "Missing required field Principal"),
    ):
        with raises("MalformedPolicy", words):
            s3.put_bucket_policy(Bucket="bucket", Policy=policy)
    with raises("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="one", Body=b"1")
    with raises("BucketNotEmpty"):
        s3.delete_bucket(Bucket="bucket")
    s3.delete_object(Bucket="bucket", Key="one")
    s3.delete_bucket(Bucket="bucket")


def test_parameters_that_ssm_does_not_keep(aws):
    """Too long, too deep, of another kind, not after their own pattern."""
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/app/one", Value="1", Type="String")
    wrong = [
        ({"Name": "/app/one"}, "ParameterAlreadyExists", ""),
        ({"Name": "/app/one", "Overwrite": True, "Type": "StringList"}, "HierarchyTypeMismatchException", "type"),
        ({"Name": "/a b"}, "ValidationException", "the following 3 symbols .-_"),
        ({"Name": "app/one"}, "ValidationException", "fully qualified name"),
        ({"Name": "/ssm/one"}, "ValidationException", "can't be prefixed with"),
        ({"Name": "/aws/one"}, "AccessDeniedException", "No access to reserved parameter name: /aws/one."),
        ({"Name": "/x" * 17}, "HierarchyLevelLimitExceededException", "15 levels"),
        ({"Value": "x" * 4097}, "ValidationException", "maximum parameter value of 4096 characters"),
        ({"Type": "Bogus"}, "ValidationException", "enum value set"),
        ({"AllowedPattern": "^[a-z]$"}, "ParameterPatternMismatchException", "allowedPattern: ^[a-z]$"),
        ({"Type": "SecureString", "KeyId": "alias/nobodys"}, "InvalidKeyId", "alias/nobodys"),
    ]

    def kept():
        return {"Parameters": ssm.get_parameters_by_path(Path="/", Recursive=True)["Parameters"]}

    with unchanged(kept):
        for changed, code, words in wrong:
            with raises(code, words):
                ssm.put_parameter(**({"Name": "/app/two", "Value": "1", "Type": "String"} | changed))


def test_secrets(aws):
    """A name of odd signs is rejected."""
    manager = aws.client("secretsmanager")
    signs = "Invalid name. Must be a valid name containing alphanumeric characters"
    with unchanged(manager.list_secrets), raises("ValidationException", signs):
        manager.create_secret(Name="a b", SecretString="x")


@pytest.fixture
def zone(aws):
    """Route 53, and a zone with a record."""
    route53 = aws.client("route53")
    made = route53.create_hosted_zone(Name="example.org", CallerReference="one")["HostedZone"]["Id"]
    change(route53, made, "CREATE")
    return route53, made


def change(route53, zone, action, *others, **changes):
    """One change of the record `www`, or of what it is changed into; others before it."""
    record = {"Name": "www.example.org", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "1.2.3.4"}]} | changes
    batch = {"Changes": [*others, {"Action": action, "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def test_zones_and_records_that_route_53_does_not_change(zone):
    """A change that is wrong keeps the others of its batch back."""
    route53, made = zone
    with unchanged(route53.list_hosted_zones):
        with raises("HostedZoneAlreadyExists", "the specified caller reference"):
            route53.create_hosted_zone(Name="example.net", CallerReference="one")
        with raises("InvalidDomainName"):
            route53.create_hosted_zone(Name="a..b", CallerReference="two")
        with raises("HostedZoneNotEmpty"):
            route53.delete_hosted_zone(Id=made)
    fine = {"Name": "fine.example.org", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "1.2.3.4"}]}
    other = {"Action": "CREATE", "ResourceRecordSet": fine}
    wrong = [
        ("CREATE", {"ResourceRecords": [{"Value": "5.6.7.8"}]}, "but it already exists"),
        ("DELETE", {"Name": "none.example.org"}, "Tried to delete resource record set [name='none.example.org.'"),
        ("DELETE", {"TTL": 61}, "but the values provided do not match the current values"),
        ("UPSERT", {"Name": "www.example.com"}, "is not permitted in zone example.org."),
        ("UPSERT", {"ResourceRecords": [{"Value": "none"}]}, "Value is not a valid IPv4 address"),
    ]
    with unchanged(lambda: route53.list_resource_record_sets(HostedZoneId=made)):
        for action, changes, words in wrong:
            with raises("InvalidChangeBatch", words):
                change(route53, made, action, other, **changes)
    change(route53, made, "DELETE")


def test_what_the_emulator_lacks_is_said_to_be_missing(aws):
    """In the protocol of each service, and not to be retried."""
    calls = {
        "ec2:DescribeBundleTasks": aws.client("ec2").describe_bundle_tasks,
        "rds:DescribeSourceRegions": aws.client("rds").describe_source_regions,
        "elbv2:DescribeTrustStores": aws.client("elbv2").describe_trust_stores,
        "logs:ListAnomalies": aws.client("logs").list_anomalies,
        "cloudtrail:ListChannels": aws.client("cloudtrail").list_channels,
    }
    for name, call in calls.items():
        with raises("NotSupportedLocally", f"{name} is not supported in the local environment"):
            call()
