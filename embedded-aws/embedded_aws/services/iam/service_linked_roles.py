"""Service-linked roles: a new account has none; some calls create the service's role, others refuse without it."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.elasticache.responses import ElastiCacheResponse
from moto.elbv2.models import ELBv2Backend
from moto.iam.models import IAMBackend
from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-service-linked-roles.html
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html
NAMES = {
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
    "elasticache.amazonaws.com": "AWSServiceRoleForElastiCache",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
}


@patch(IAMBackend, "create_service_linked_role")
def create_service_linked_role(moto: Method, iam: Any, service_name: str, description: str, suffix: str) -> Any:
    """Create the role under AWS's name, once.

    https://github.com/magenx/Magento-2-aws-cluster-terraform/issues/4 (AWS's message)
    """
    name = NAMES.get(service_name)
    if name and not suffix and _exists(iam, name):
        taken = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise ServiceError("InvalidInput", taken)
    role = moto(iam, service_name, description, suffix)
    if name and not suffix:
        role.name = name
    return role


@patch(RDSResponse, "create_db_subnet_group")
def create_db_subnet_group(moto: Method, response: Any) -> Any:
    """Refuse without the role; only calls that create a database create the role as well.

    https://github.com/terraform-aws-modules/terraform-aws-rds/issues/364,
    https://github.com/crossplane-contrib/provider-aws/issues/479 (AWS's message)
    """
    if not _exists(backends.backend("iam"), NAMES["rds.amazonaws.com"]):
        page = "http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html"
        raise ServiceError("InvalidParameterValue", f"Missing necessary credentials. Please check {page}")
    return moto(response)


@patch(ElastiCacheResponse, "create_cache_subnet_group")
def create_cache_subnet_group(moto: Method, response: Any) -> Any:
    """Refuse without the role.

    https://github.com/aws-controllers-k8s/community/issues/367 (AWS's message)
    """
    if not _exists(backends.backend("iam"), NAMES["elasticache.amazonaws.com"]):
        advice = "(Recommended action) Please create new role using IAM API CreateServiceLinkedRole."
        reason = f"This action cannot be completed due to insufficient permissions. {advice}"
        raise ServiceError("ServiceLinkedRoleNotFoundFault", reason)
    return moto(response)


def _create_role_with(owner: type, operation: str, service: str) -> None:
    """Make an operation create the service's role, as AWS does with the first resource of an account."""

    @patch(owner, operation)
    def create_role(moto: Method, target: Any, *args: Any, **params: Any) -> Any:
        result = moto(target, *args, **params)
        iam = backends.backend("iam")
        if not _exists(iam, NAMES[service]):
            iam.create_service_linked_role(service, "", "")
        return result


_create_role_with(RDSResponse, "create_db_instance", "rds.amazonaws.com")
_create_role_with(ElastiCacheResponse, "create_replication_group", "elasticache.amazonaws.com")
_create_role_with(ElastiCacheResponse, "create_cache_cluster", "elasticache.amazonaws.com")
_create_role_with(ELBv2Backend, "create_load_balancer", "elasticloadbalancing.amazonaws.com")
_create_role_with(AutoScalingResponse, "create_auto_scaling_group", "autoscaling.amazonaws.com")


def _exists(iam: Any, name: str) -> bool:
    return any(role.name == name for role in iam.roles.values())
