"""Dashboards have tags, as alarms have."""

ARN = "arn:aws:cloudwatch::123456789012:dashboard/web"


def tags_of(cloudwatch):
    return {tag["Key"]: tag["Value"] for tag in cloudwatch.list_tags_for_resource(ResourceARN=ARN)["Tags"]}


def test_tags_come_with_a_new_dashboard_and_stay(aws):
    cloudwatch = aws.client("cloudwatch")
    body = {"DashboardName": "web", "DashboardBody": '{"widgets": []}'}
    cloudwatch.put_dashboard(**body, Tags=[{"Key": "team", "Value": "web"}])
    cloudwatch.put_dashboard(**body)
    cloudwatch.tag_resource(ResourceARN=ARN, Tags=[{"Key": "more", "Value": "1"}])
    assert tags_of(cloudwatch) == {"team": "web", "more": "1"}
    tagging = aws.client("resourcegroupstaggingapi")
    found = tagging.get_resources(TagFilters=[{"Key": "team"}])["ResourceTagMappingList"]
    assert [one["ResourceARN"] for one in found] == [ARN]
    cloudwatch.delete_dashboards(DashboardNames=["web"])
    cloudwatch.put_dashboard(**body)
    assert tags_of(cloudwatch) == {}
