"""An environment is in a region where all of it can be built, and nowhere else."""

from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbook_lib.params import regions
from runbook_lib.params.regions import ROOTS, check_region, missing_root
from tests.params.parameter_files import at, problems, written

WITHOUT_ROOT = {
    "ap-east-2", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-west-1", "il-central-1", "mx-central-1",
}  # fmt: skip


def of_region(tmp_path, region, *changes):
    """What is wrong with the line of the region, in a file whose zones are of that region, too."""
    zones = [(f"us-west-2{letter}:", f"{region}{letter}:") for letter in "ab"]
    path = written(tmp_path, ("region: us-west-2\n", f"region: {region}\n"), *zones, *changes)
    place = f"{at(path, 'region:')} region: "
    return [line.removeprefix(place) for line in problems(path) if line.startswith(place)]


@pytest.mark.parametrize("region", ["us-east-9", "us-west2", "us-wset-2", "eu-central1"])
def test_a_region_that_aws_does_not_have_is_refused_with_those_that_resemble_it(tmp_path, region):
    (line,) = of_region(tmp_path, region)
    near = {"us-east-9": "us-east-1", "eu-central1": "eu-central-1"}.get(region, "us-west-2")
    hint = line.partition("did you mean ")[2].partition("?")[0]
    assert line.startswith(f"'{region}' – AWS has no such region; did you mean ")
    assert near in hint.split(", ")


def test_a_region_like_no_other_is_refused_with_all_there_are(tmp_path):
    (line,) = of_region(tmp_path, "nowhere")
    assert "use one of af-south-1, ap-east-1, " in line


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-gov-west-1", "aws-us-gov"), ("us-gov-east-1", "aws-us-gov"), ("cn-north-1", "aws-cn"),
        ("cn-northwest-1", "aws-cn"), ("eusc-de-east-1", "aws-eusc"), ("us-iso-east-1", "aws-iso"),
    ],
)  # fmt: skip
def test_a_region_of_another_partition_is_refused_with_the_partition(tmp_path, region, partition):
    """Its ARNs begin otherwise: the first policy would fail, after the bucket had been created."""
    assert of_region(tmp_path, region) == [
        f"'{region}' – is in the partition {partition}; this runbook is written for the partition aws only"
    ]


def test_a_region_that_lacks_a_service_is_refused_with_the_service(tmp_path, monkeypatch):
    monkeypatch.setattr(regions, "SERVICES", ("ec2", "outposts", "braket"))
    regions._offers.cache_clear()
    try:
        assert of_region(tmp_path, "eu-south-1") == [
            "'eu-south-1' – AWS does not offer there what the stacks use: braket"
        ]
    finally:
        regions._offers.cache_clear()


def test_the_services_have_their_regions_where_botocore_has_them():
    """The prefix of a service's endpoints is in its description, which would take seconds to read for all of them."""
    session = botocore.session.Session()
    prefixes = {service: session.get_service_model(service).endpoint_prefix for service in regions.SERVICES}
    assert {name: prefix for name, prefix in prefixes.items() if name != prefix} == regions.ENDPOINT_PREFIXES


def test_every_region_with_rds_has_a_root_certificate_or_is_refused(tmp_path):
    """RDS's endpoints are botocore's; when it knows a new region, this says that the file has to grow."""
    endpoints = set(botocore.session.Session().get_available_regions("rds"))
    in_file = {line.split()[3] for line in ROOTS.read_text().splitlines() if line.startswith("# Amazon RDS ")}
    assert {region for region in endpoints if not missing_root(check_region(region))} == endpoints & in_file
    assert endpoints - in_file == WITHOUT_ROOT
    for region in sorted(WITHOUT_ROOT):
        (line,) = of_region(tmp_path, region)
        assert line.startswith(f"{region} – rds-roots.pem of this runbook has no root certificate of RDS there")
        assert line.endswith(f"append the file {regions._BUNDLE.format(region)} to {ROOTS}")


def root_certificate(region):
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Amazon RDS {region} Root CA ECC384 G1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_region_is_accepted_once_its_root_certificate_was_appended(tmp_path, monkeypatch):
    file = tmp_path / "rds-roots.pem"
    file.write_bytes(ROOTS.read_bytes() + root_certificate("il-central-1"))
    monkeypatch.setattr(regions, "ROOTS", file)
    assert missing_root("il-central-1") == ""
    assert missing_root("mx-central-1")
    file.write_text("no certificates")
    assert missing_root("us-west-2")
