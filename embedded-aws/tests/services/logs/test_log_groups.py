"""Log groups are tagged as in CloudWatch Logs."""

from services.errors import raises


def test_tags_are_deleted_with_their_group(aws):
    """A new group of the same name has none of the old ones."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/one", tags={"team": "blue"})
    arn = logs.describe_log_groups()["logGroups"][0]["arn"].removesuffix(":*")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "blue"}
    logs.delete_log_group(logGroupName="/one")
    with raises("ResourceNotFoundException"):
        logs.list_tags_for_resource(resourceArn=arn)
    logs.create_log_group(logGroupName="/one")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}
