"""OpenID Connect providers: add and remove audiences, and allow one provider per issuer."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError


@add_method(IamResponse)
def add_client_id_to_open_id_connect_provider(response: Any) -> ActionResult:
    """Add an audience, unless it exists.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html
    """
    audiences = _audiences(response)
    if (audience := response._get_param("ClientID")) not in audiences:
        audiences.append(audience)
    return EmptyResult()


@add_method(IamResponse)
def remove_client_id_from_open_id_connect_provider(response: Any) -> ActionResult:
    """Remove an audience, if it exists.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveClientIDFromOpenIDConnectProvider.html
    """
    audiences = _audiences(response)
    if (audience := response._get_param("ClientID")) in audiences:
        audiences.remove(audience)
    return EmptyResult()


def _audiences(response: Any) -> list[str]:
    arn = response._get_param("OpenIDConnectProviderArn")
    audiences: list[str] = response.backend.get_open_id_connect_provider(arn).client_id_list
    return audiences


@patch(IAMBackend, "create_open_id_connect_provider")
def create_open_id_connect_provider(moto: Method, iam: Any, url: str, *args: Any, **kwargs: Any) -> Any:
    """Reject an issuer that already has a provider.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    """
    if not url.startswith("https://"):
        raise ServiceError("ValidationError", "Invalid Open ID Connect Provider URL")
    issuer = url.removeprefix("https://")
    if any(provider.url == issuer for provider in iam.open_id_providers.values()):
        raise ServiceError("EntityAlreadyExists", f"Provider with url {url} already exists.")
    return moto(iam, url, *args, **kwargs)
