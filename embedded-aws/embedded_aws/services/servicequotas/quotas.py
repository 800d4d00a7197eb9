"""Quotas of EC2, load balancers and RDS; moto has those of VPCs only."""

from __future__ import annotations

import json
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.services.common.quotas import ADDRESSES, LOAD_BALANCERS
from embedded_aws.settings import REGION

# AWS's defaults; that of vCPUs is 5 in a new account, and grows with use.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-resource-limits.html
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
# https://docs.aws.amazon.com/general/latest/gr/rds-service.html
DEFAULTS = {
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", ADDRESSES),
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 64),
    ("elasticloadbalancing", "L-53DA6B97"): ("Application Load Balancers per Region", LOAD_BALANCERS),
    ("elasticloadbalancing", "L-B22855CB"): ("Target Groups per Region", 3000),
    ("rds", "L-7B6409FD"): ("DB instances", 40),
    ("rds", "L-7ADDB58A"): ("Total storage for all DB instances", 100_000),
}


@patch(ServiceQuotasBackend, "get_service_quota")
def get_service_quota(moto: Method, quotas: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html."""
    try:
        quota: dict[str, Any] = moto(quotas, service_code, quota_code)
    except NoSuchResource:
        if (service_code, quota_code) not in DEFAULTS:
            raise
        name, value = DEFAULTS[service_code, quota_code]
        arn = f"arn:aws:servicequotas:{REGION}:{backends.current_account()}:{service_code}/{quota_code}"
        quota = {"ServiceCode": service_code, "QuotaArn": arn, "QuotaCode": quota_code, "QuotaName": name}
        quota |= {"Value": float(value), "Unit": "None", "Adjustable": True, "GlobalQuota": False}
    return quota


@add_method(ServiceQuotasResponse)
def get_aws_default_service_quota(response: Any) -> str:
    """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetAWSDefaultServiceQuota.html."""
    params = json.loads(response.body)
    quota = response.backend.get_service_quota(params["ServiceCode"], params["QuotaCode"])
    return json.dumps({"Quota": quota})
