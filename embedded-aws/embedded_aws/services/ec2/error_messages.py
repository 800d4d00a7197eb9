"""EC2's words for what does not exist or is in use."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import DependencyViolationError, InvalidAllocationIdError, InvalidInternetGatewayIdError
from moto.ec2.models.internet_gateways import InternetGatewayBackend

from embedded_aws.patching import Method, patch


@patch(InvalidInternetGatewayIdError, "__init__")
def no_internet_gateway(moto: Method, error: Any, gateway_id: str) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html."""
    moto(error, gateway_id)
    error.message = f"The internetGateway ID '{gateway_id}' does not exist"


@patch(InvalidAllocationIdError, "__init__")
def no_allocation(moto: Method, error: Any, allocation_id: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html."""
    moto(error, allocation_id)
    ids = [allocation_id] if isinstance(allocation_id, str) else sorted(allocation_id)
    several = len(ids) > 1
    names = ", ".join(ids)
    error.message = f"The allocation {'IDs' if several else 'ID'} '{names}' {'do' if several else 'does'} not exist"


@patch(InternetGatewayBackend, "delete_internet_gateway")
def delete_internet_gateway(moto: Method, ec2: Any, internet_gateway_id: str) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (DependencyViolation)."""
    if ec2.get_internet_gateway(internet_gateway_id).vpc:
        reason = f"The internetGateway '{internet_gateway_id}' has dependencies and cannot be deleted."
        raise DependencyViolationError(reason)
    return moto(ec2, internet_gateway_id)
