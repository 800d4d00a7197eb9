"""Quotas as Service Quotas tells them: those that the embedded AWS enforces, with the same values."""

import pytest
from botocore.exceptions import ClientError

from embedded_aws.services.common import quotas


@pytest.mark.parametrize(
    ("service", "code", "value"),
    [
        ("vpc", "L-F678F1CE", quotas.VPCS), ("vpc", "L-A4707A72", quotas.INTERNET_GATEWAYS),
        ("vpc", "L-FE5A380F", quotas.NAT_GATEWAYS), ("ec2", "L-0263D0A3", quotas.ADDRESSES),
        ("elasticloadbalancing", "L-53DA6B97", quotas.LOAD_BALANCERS),
    ],
)  # fmt: skip
def test_what_is_enforced_is_what_is_told(aws, service, code, value):
    client = aws.client("service-quotas")
    for ask in (client.get_service_quota, client.get_aws_default_service_quota):
        quota = ask(ServiceCode=service, QuotaCode=code)["Quota"]
        assert (quota["ServiceCode"], quota["QuotaCode"], quota["Value"]) == (service, code, value)


def test_an_unknown_quota(aws):
    client = aws.client("service-quotas")
    for ask in (client.get_service_quota, client.get_aws_default_service_quota):
        with pytest.raises(ClientError, match="NoSuchResource"):
            ask(ServiceCode="ec2", QuotaCode="L-00000000")
