"""Certificates: validation, tokens, listing, and deletion while in use."""

import pytest

from services.errors import raises
from services.self_signed_certificate import self_signed

DOMAINS = {"DomainName": "app.example.com", "SubjectAlternativeNames": ["www.example.com"]}


@pytest.fixture
def acm(aws):
    return aws.client("acm")


@pytest.fixture
def zone(aws):
    route53 = aws.client("route53")
    return route53.create_hosted_zone(Name="example.com", CallerReference="test")["HostedZone"]["Id"]


def request(acm, token="token", **more):
    params = {**DOMAINS, "ValidationMethod": "DNS", "IdempotencyToken": token, **more}
    return acm.request_certificate(**params)["CertificateArn"]


def detail(acm, arn):
    return acm.describe_certificate(CertificateArn=arn)["Certificate"]


def validate(aws, zone, record):
    change = {
        "Name": record["Name"],
        "Type": record["Type"],
        "TTL": 60,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": change}]}
    aws.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def test_a_certificate_waits_for_its_records(aws, acm, zone):
    """It is issued when the last of its domains is validated."""
    arn = request(acm)
    assert detail(acm, arn)["Status"] == "PENDING_VALIDATION"
    assert "IssuedAt" not in detail(acm, arn)
    options = detail(acm, arn)["DomainValidationOptions"]
    assert {option["DomainName"] for option in options} == {"app.example.com", "www.example.com"}
    validate(aws, zone, options[0]["ResourceRecord"])
    states = {
        option["DomainName"]: option["ValidationStatus"] for option in detail(acm, arn)["DomainValidationOptions"]
    }
    first, second = options[0]["DomainName"], options[1]["DomainName"]
    assert states == {first: "SUCCESS", second: "PENDING_VALIDATION"}
    assert detail(acm, arn)["Status"] == "PENDING_VALIDATION"
    validate(aws, zone, options[1]["ResourceRecord"])
    issued = detail(acm, arn)
    assert (issued["Status"], issued["IssuedAt"] >= issued["CreatedAt"]) == ("ISSUED", True)


def test_a_record_with_another_value_does_not_validate(aws, acm, zone):
    """A record with the right name and another value is not enough."""
    arn = request(acm)
    for option in detail(acm, arn)["DomainValidationOptions"]:
        validate(aws, zone, option["ResourceRecord"] | {"Value": "_other.acm-validations.aws."})
    assert detail(acm, arn)["Status"] == "PENDING_VALIDATION"


def test_a_request_that_is_sent_twice_creates_one_certificate(acm):
    """Requests with the same token; after the deletion the token can be used again."""
    tags = [{"Key": "env", "Value": "test"}]
    arn = request(acm, Tags=tags)
    assert request(acm, Tags=tags) == arn
    assert request(acm, token="another") != arn
    acm.delete_certificate(CertificateArn=arn)
    assert request(acm) != arn


def test_an_imported_certificate_reads_back(acm):
    """And it can be imported again under its ARN."""
    first, second = self_signed("app.local"), self_signed("app.local")
    arn = acm.import_certificate(**first)["CertificateArn"]
    assert acm.get_certificate(CertificateArn=arn)["Certificate"].encode() == first["Certificate"]
    imported = detail(acm, arn)
    assert (imported["Status"], imported["Type"], imported["DomainName"]) == ("ISSUED", "IMPORTED", "app.local")
    assert acm.import_certificate(CertificateArn=arn, **second)["CertificateArn"] == arn
    assert acm.get_certificate(CertificateArn=arn)["Certificate"].encode() == second["Certificate"]


def test_certificates_of_other_key_types_are_listed_on_request_only(acm):
    """A list call without key types does not return them."""
    arn = acm.import_certificate(**self_signed("app.local"))["CertificateArn"]
    requested = request(acm)

    def list_arns(**filters):
        summaries = acm.list_certificates(**filters)["CertificateSummaryList"]
        return {certificate["CertificateArn"] for certificate in summaries}

    assert list_arns() == {requested}
    assert list_arns(Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]}) == {requested, arn}
    assert list_arns(CertificateStatuses=["ISSUED"]) == set()


def test_a_certificate_in_use_cannot_be_deleted(acm, balancer):
    """It can be deleted when the listener uses another certificate."""
    first, second = (acm.import_certificate(**self_signed("app.local"))["CertificateArn"] for _ in range(2))
    listener = balancer.create_listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": first}])
    assert detail(acm, first)["InUseBy"] == [balancer.arn]
    with raises("ResourceInUseException", "in use"):
        acm.delete_certificate(CertificateArn=first)
    balancer.elb.modify_listener(ListenerArn=listener["ListenerArn"], Certificates=[{"CertificateArn": second}])
    acm.delete_certificate(CertificateArn=first)
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    acm.delete_certificate(CertificateArn=second)


def test_a_listener_needs_an_issued_certificate(acm, balancer):
    """Rejected are none, one that does not exist, one that waits for its validation, and one for a bare name."""
    missing = "arn:aws:acm:us-west-2:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    bare = acm.import_certificate(**self_signed("web"))["CertificateArn"]
    for arn, code in [
        (missing, "CertificateNotFound"), (request(acm), "UnsupportedCertificate"), (bare, "UnsupportedCertificate")
    ]:  # fmt: skip
        with raises(code, arn):
            balancer.create_listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}])
    with raises("ValidationError", "certificate"):
        balancer.create_listener(Protocol="HTTPS", Port=443)


def test_the_private_key_has_to_match_the_certificate(acm):
    """Another key is rejected at the first and at the next import; so is unreadable input."""
    one, other = self_signed("app.local"), self_signed("app.local")
    with raises("ValidationException", "does not match"):
        acm.import_certificate(Certificate=one["Certificate"], PrivateKey=other["PrivateKey"])
    with raises("ValidationException", "not PEM-encoded"):
        acm.import_certificate(Certificate=one["Certificate"], PrivateKey=b"garbage")
    arn = acm.import_certificate(**one)["CertificateArn"]
    with raises("ValidationException", "does not match"):
        acm.import_certificate(CertificateArn=arn, **one | {"PrivateKey": other["PrivateKey"]})
