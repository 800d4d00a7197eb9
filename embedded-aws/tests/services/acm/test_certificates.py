"""Certificates are issued, listed and kept as by ACM."""

import pytest

from services.errors import refused
from services.tls import self_signed

DOMAINS = {"DomainName": "app.example.com", "SubjectAlternativeNames": ["www.example.com"]}


@pytest.fixture
def acm(aws):
    return aws.client("acm")


@pytest.fixture
def zone(aws):
    route53 = aws.client("route53")
    return route53.create_hosted_zone(Name="example.com", CallerReference="test")["HostedZone"]["Id"]


def request(acm, token="token", **more):
    asked = {**DOMAINS, "ValidationMethod": "DNS", "IdempotencyToken": token, **more}
    return acm.request_certificate(**asked)["CertificateArn"]


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
    """One domain after the other is validated, and it is issued with the last."""
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
    found = detail(acm, arn)
    assert (found["Status"], found["IssuedAt"] >= found["CreatedAt"]) == ("ISSUED", True)


def test_another_value_validates_nothing(aws, acm, zone):
    """A record of the right name alone is not enough."""
    arn = request(acm)
    for option in detail(acm, arn)["DomainValidationOptions"]:
        validate(aws, zone, option["ResourceRecord"] | {"Value": "_other.acm-validations.aws."})
    assert detail(acm, arn)["Status"] == "PENDING_VALIDATION"


def test_a_request_that_is_sent_twice_is_one(acm):
    """By its token; after the deletion the token may be used again."""
    tags = [{"Key": "env", "Value": "test"}]
    arn = request(acm, Tags=tags)
    assert request(acm, Tags=tags) == arn
    assert request(acm, token="another") != arn
    acm.delete_certificate(CertificateArn=arn)
    assert request(acm) != arn


def test_an_imported_certificate_reads_back(acm):
    """And is imported anew under its ARN."""
    first, second = self_signed("app.local"), self_signed("app.local")
    arn = acm.import_certificate(**first)["CertificateArn"]
    assert acm.get_certificate(CertificateArn=arn)["Certificate"].encode() == first["Certificate"]
    found = detail(acm, arn)
    assert (found["Status"], found["Type"], found["DomainName"]) == ("ISSUED", "IMPORTED", "app.local")
    assert acm.import_certificate(CertificateArn=arn, **second)["CertificateArn"] == arn
    assert acm.get_certificate(CertificateArn=arn)["Certificate"].encode() == second["Certificate"]


def test_certificates_of_other_keys_are_listed_on_request_only(acm):
    """A look-up that forgets the key types misses them here, too, and not first on AWS."""
    arn = acm.import_certificate(**self_signed("app.local"))["CertificateArn"]
    requested = request(acm)

    def listed(**filters):
        found = acm.list_certificates(**filters)["CertificateSummaryList"]
        return {certificate["CertificateArn"] for certificate in found}

    assert listed() == {requested}
    assert listed(Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]}) == {requested, arn}
    assert listed(CertificateStatuses=["ISSUED"]) == set()


def test_a_certificate_that_a_listener_presents_stays(acm, balancer):
    """Its user is the load balancer; it is free when another has taken its place."""
    first, second = (acm.import_certificate(**self_signed("app.local"))["CertificateArn"] for _ in range(2))
    listener = balancer.listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": first}])
    assert detail(acm, first)["InUseBy"] == [balancer.arn]
    with refused("ResourceInUseException", "in use"):
        acm.delete_certificate(CertificateArn=first)
    balancer.elb.modify_listener(ListenerArn=listener["ListenerArn"], Certificates=[{"CertificateArn": second}])
    acm.delete_certificate(CertificateArn=first)
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    acm.delete_certificate(CertificateArn=second)


def test_a_listener_needs_an_issued_certificate(acm, balancer):
    """Neither none, nor one that does not exist, nor one that waits for its validation."""
    missing = "arn:aws:acm:us-west-2:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    for arn, code in [(missing, "CertificateNotFound"), (request(acm), "UnsupportedCertificate")]:
        with refused(code, arn):
            balancer.listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}])
    with refused("ValidationError", "certificate"):
        balancer.listener(Protocol="HTTPS", Port=443)


def test_a_key_belongs_to_its_certificate(acm):
    """Another one's is refused, at the first import and at the next; what is neither is, too."""
    one, other = self_signed("app.local"), self_signed("app.local")
    with refused("ValidationException", "does not match"):
        acm.import_certificate(Certificate=one["Certificate"], PrivateKey=other["PrivateKey"])
    with refused("ValidationException", "not PEM-encoded"):
        acm.import_certificate(Certificate=one["Certificate"], PrivateKey=b"garbage")
    arn = acm.import_certificate(**one)["CertificateArn"]
    with refused("ValidationException", "does not match"):
        acm.import_certificate(CertificateArn=arn, **one | {"PrivateKey": other["PrivateKey"]})
