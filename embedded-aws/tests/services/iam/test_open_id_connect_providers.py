"""OpenID Connect providers: one per issuer, with audiences that are added and removed."""

import pytest

from services.errors import raises

ISSUER = "token.actions.githubusercontent.com"


@pytest.fixture
def iam(aws):
    return aws.client("iam")


@pytest.fixture
def provider(iam):
    created = iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"])
    return created["OpenIDConnectProviderArn"]


def audiences(iam, provider):
    return iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["ClientIDList"]


def test_the_arn_contains_the_issuer_and_no_thumbprint_is_needed(iam, provider):
    assert provider == f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["Url"] == ISSUER


def test_an_issuer_has_one_provider(iam, provider):
    with raises("EntityAlreadyExists", ISSUER):
        iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["another"])
    with raises("ValidationError", "Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url=f"http://{ISSUER}")
    assert audiences(iam, provider) == ["sts.amazonaws.com"]


def test_audiences_are_added_and_removed_once(iam, provider):
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="another")
    assert audiences(iam, provider) == ["sts.amazonaws.com", "another"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="another")
    assert audiences(iam, provider) == ["sts.amazonaws.com"]


def test_an_unknown_provider_is_rejected(iam):
    with raises("NoSuchEntity"):
        iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}", ClientID="another"
        )
