"""Remove a tag by hand, from whatever has one."""

REMOVERS = {
    "acm": lambda aws, arn, key, value: aws.client("acm").remove_tags_from_certificate(
        CertificateArn=arn, Tags=[{"Key": key, "Value": value}]
    ),
    "autoscaling": lambda aws, name, key, value: aws.client("autoscaling").delete_tags(
        Tags=[{"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": key}]
    ),
    "codedeploy": lambda aws, arn, key, value: aws.client("codedeploy").untag_resource(ResourceArn=arn, TagKeys=[key]),
    "ec2": lambda aws, id_, key, value: aws.client("ec2").delete_tags(Resources=[id_], Tags=[{"Key": key}]),
    "elasticache": lambda aws, arn, key, value: aws.client("elasticache").remove_tags_from_resource(
        ResourceName=arn, TagKeys=[key]
    ),
    "elbv2": lambda aws, arn, key, value: aws.client("elbv2").remove_tags(ResourceArns=[arn], TagKeys=[key]),
    "iam instance profile": lambda aws, name, key, value: aws.client("iam").untag_instance_profile(
        InstanceProfileName=name, TagKeys=[key]
    ),
    "iam role": lambda aws, name, key, value: aws.client("iam").untag_role(RoleName=name, TagKeys=[key]),
    "logs": lambda aws, arn, key, value: aws.client("logs").untag_resource(resourceArn=arn, tagKeys=[key]),
    "rds": lambda aws, arn, key, value: aws.client("rds").remove_tags_from_resource(ResourceName=arn, TagKeys=[key]),
    "s3": lambda aws, bucket, key, value: _retag_bucket(aws.client("s3"), bucket, key),
    "secretsmanager": lambda aws, arn, key, value: aws.client("secretsmanager").untag_resource(
        SecretId=arn, TagKeys=[key]
    ),
    "ssm": lambda aws, name, key, value: aws.client("ssm").remove_tags_from_resource(
        ResourceType="Parameter", ResourceId=name, TagKeys=[key]
    ),
}


def untag(aws, tagging, key):
    """Remove one tag of what a survey saw; of an instance, not that of its disks."""
    target = tagging.target if isinstance(tagging.target, str) else tagging.target[0]
    REMOVERS[tagging.api](aws, target, key, tagging.tags[key])


def _retag_bucket(s3, bucket, key):
    kept = [tag for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"] if tag["Key"] != key]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": kept})
