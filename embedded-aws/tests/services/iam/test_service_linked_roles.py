"""A new account has no service-linked role: who refuses without one, and who creates it."""

import pytest

from services.auto_scaling_group import WebGroup
from services.errors import raises
from services.load_balancer import LoadBalancer


@pytest.fixture
def iam(aws):
    return aws.client("iam")


def linked(iam):
    """The names of all service-linked roles."""
    return {role["RoleName"] for role in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]}


def test_a_subnet_group_for_databases_needs_the_role(network, iam):
    rds = network.aws.client("rds")
    group = {"DBSubnetGroupName": "db", "DBSubnetGroupDescription": "d", "SubnetIds": network.subnets}
    with raises("InvalidParameterValue", "Missing necessary credentials. Please check http://docs.aws.amazon.com/"):
        rds.create_db_subnet_group(**group)
    assert linked(iam) == set()
    iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    rds.create_db_subnet_group(**group)
    arn = iam.get_role(RoleName="AWSServiceRoleForRDS")["Role"]["Arn"]
    assert arn.endswith(":role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS")


def test_a_subnet_group_for_caches_needs_the_role(network, iam):
    elasticache = network.aws.client("elasticache")
    group = {"CacheSubnetGroupName": "c", "CacheSubnetGroupDescription": "c", "SubnetIds": network.subnets}
    with raises("ServiceLinkedRoleNotFoundFault", "Please create new role using IAM API CreateServiceLinkedRole."):
        elasticache.create_cache_subnet_group(**group)
    iam.create_service_linked_role(AWSServiceName="elasticache.amazonaws.com")
    elasticache.create_cache_subnet_group(**group)
    assert linked(iam) == {"AWSServiceRoleForElastiCache"}


def test_a_role_exists_once(iam):
    iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    with raises("InvalidInput", "Service role name AWSServiceRoleForRDS has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")


def test_a_load_balancer_creates_its_role(network, iam):
    LoadBalancer(network)
    assert linked(iam) == {"AWSServiceRoleForElasticLoadBalancing"}


def test_an_auto_scaling_group_creates_its_role(aws, iam):
    WebGroup(aws).create()
    assert linked(iam) == {"AWSServiceRoleForAutoScaling"}
