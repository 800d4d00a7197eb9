"""OpenID Connect providers, as in IAM: one for each issuer, with audiences that come and go."""

import pytest

from services.errors import refused

ISSUER = "token.actions.githubusercontent.com"


@pytest.fixture
def iam(aws):
    return aws.client("iam")


@pytest.fixture
def provider(iam):
    made = iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"])
    return made["OpenIDConnectProviderArn"]


def audiences(iam, provider):
    return iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["ClientIDList"]


def test_its_arn_is_its_issuers_and_needs_no_thumbprint(iam, provider):
    assert provider == f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["Url"] == ISSUER


def test_an_issuer_is_known_once(iam, provider):
    with refused("EntityAlreadyExists", ISSUER):
        iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["another"])
    with refused("ValidationError", "Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url=f"http://{ISSUER}")
    assert audiences(iam, provider) == ["sts.amazonaws.com"]


def test_audiences_come_and_go_once(iam, provider):
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="another")
    assert audiences(iam, provider) == ["sts.amazonaws.com", "another"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="another")
    assert audiences(iam, provider) == ["sts.amazonaws.com"]


def test_what_is_not_there_has_no_audiences(iam):
    with refused("NoSuchEntity"):
        iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}", ClientID="another"
        )
