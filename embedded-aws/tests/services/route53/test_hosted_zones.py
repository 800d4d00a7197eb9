"""Hosted zones, as a certificate's settings name them."""

import re


def test_the_id_of_a_zone_begins_with_z(aws):
    """So the parameters of an environment with a domain can be rehearsed."""
    route53 = aws.client("route53")
    zones = [route53.create_hosted_zone(Name=f"z{n}.example.com", CallerReference=f"{n}") for n in range(3)]
    assert all(re.fullmatch(r"/hostedzone/Z[A-Z0-9]+", zone["HostedZone"]["Id"]) for zone in zones)
