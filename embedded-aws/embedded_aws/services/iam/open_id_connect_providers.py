"""OpenID Connect providers: their audiences can be changed, and one issuer is there once."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError


@add_method(IamResponse)
def add_client_id_to_open_id_connect_provider(response: Any) -> ActionResult:
    """Adding one that is there already does nothing.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html
    """
    audiences = _audiences(response)
    if (audience := response._get_param("ClientID")) not in audiences:
        audiences.append(audience)
    return EmptyResult()


@add_method(IamResponse)
def remove_client_id_from_open_id_connect_provider(response: Any) -> ActionResult:
    """Removing one that is not there does nothing.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveClientIDFromOpenIDConnectProvider.html
    """
    audiences = _audiences(response)
    if (audience := response._get_param("ClientID")) in audiences:
        audiences.remove(audience)
    return EmptyResult()


def _audiences(response: Any) -> list[str]:
    arn = response._get_param("OpenIDConnectProviderArn")
    found: list[str] = response.backend.get_open_id_connect_provider(arn).client_id_list
    return found


@patch(IAMBackend, "create_open_id_connect_provider")
def create_open_id_connect_provider(moto: Method, iam: Any, url: str, *args: Any, **kwargs: Any) -> Any:
    """An issuer that an account knows is refused, by its name.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    """
    if not url.startswith("https://"):
        raise ServiceError("ValidationError", "Invalid Open ID Connect Provider URL")
    issuer = url.removeprefix("https://")
    if any(known.url == issuer for known in iam.open_id_providers.values()):
        raise ServiceError("EntityAlreadyExists", f"Provider with url {url} already exists.")
    return moto(iam, url, *args, **kwargs)
