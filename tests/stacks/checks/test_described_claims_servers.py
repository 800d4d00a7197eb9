"""Claims 3, 7 and 8, of the web servers, HTTPS, and the loss of a zone, proved from what AWS would describe."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from runbook_lib.stacks.checks import claims_of_servers
from runbook_lib.stacks.checks.claims_of_servers import encrypted_only, loss_of_a_zone, private_servers
from tests.stacks.checks.described_site import ANYONE, A, B, Site, route, told

PRIVATE = ["subnet-private-a", "subnet-private-b"]


@pytest.fixture
def site():
    return Site()


def test_servers_in_two_private_zones(site):
    finding = private_servers(site.account())
    assert told(finding) == ("pass", ["2 web servers in us-west-2a, us-west-2b"])
    assert finding.looked_at == ("i-a", "eni-web-a", "subnet-private-a", "i-b", "eni-web-b", "subnet-private-b")


def test_the_zones_are_told_once_and_in_order(site):
    for number, zone in enumerate("dcd"):
        own = f"subnet-{number}"
        site.subnets[own] = {"CidrBlock": f"10.20.{10 + number}.0/24", "AvailabilityZone": f"us-west-2{zone}"}
        site.tables[own] = "rtb-private"
        site.add(f"eni-{number}", own, "sg-web", instance=f"i-{number}")
    site.see("auto_scaling_group", "local-web", instances=dict.fromkeys(("i-2", "i-1", "i-0", "i-a", "i-b"), A))
    holds = "5 web servers in us-west-2a, us-west-2b, us-west-2c, us-west-2d"
    assert told(private_servers(site.account())) == ("pass", [holds])


@pytest.mark.parametrize(
    ("servers", "where"), [({"i-a": A}, "us-west-2a"), ({"i-b": B}, "us-west-2b"), ({}, "no zone")]
)
def test_servers_in_one_zone_or_none(site, servers, where):
    site.see("auto_scaling_group", "local-web", instances=servers)
    site.health = {}
    assert told(private_servers(site.account())) == ("fail", [f"the web servers are in {where} only"])


def test_servers_that_the_internet_could_reach(site):
    """By the routes of their subnet, or by an address."""
    site.tables["subnet-private-a"] = "rtb-public"
    assert told(private_servers(site.account())) == ("fail", ["i-a is in subnet-private-a, which is public"])
    site.interfaces["eni-web-b"]["Association"] = {"PublicIp": "198.18.0.9"}
    assert told(private_servers(site.account())) == ("fail", [
        "i-a is in subnet-private-a, which is public", "i-b has a public address",
    ])  # fmt: skip


@pytest.mark.parametrize(("address", "public"), [("2600:1f14::7", True), ("fd00::7", False)])
def test_an_address_of_ipv6_is_public_unless_it_is_private(site, address, public):
    site.interfaces["eni-web-a"]["Ipv6Addresses"] = [{"Ipv6Address": address}]
    site.interfaces["eni-web-b"]["PrivateIpAddresses"] = [{"PrivateIpAddress": "8.8.8.8"}]  # a VPC's own network
    expected = (
        ("fail", ["i-a has a public address"]) if public else ("pass", ["2 web servers in us-west-2a, us-west-2b"])
    )
    assert told(private_servers(site.account())) == expected


BALANCER, HTTP, HTTPS, CERTIFICATE = "arn:balancer", "arn:listener/http", "arn:listener/https", "arn:certificate"
POLICY, OLD = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-2016-08"
REDIRECT = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}
FORWARD = {"Type": "forward", "TargetGroupArn": "arn:targets"}


def listener(arn, port, protocol, **more):
    return {"ListenerArn": arn, "Port": port, "Protocol": protocol, **more}


def secure(*arns, arn=HTTPS, port=443, policy=POLICY):
    return listener(arn, port, "HTTPS", SslPolicy=policy, Certificates=[{"CertificateArn": each} for each in arns])


def certificate(days=90, status="ISSUED", name="web.local.test", **more):
    until = {"NotAfter": datetime.now(UTC) + timedelta(days=days)} if days else {}
    return {"Certificate": {"DomainName": name, "Status": status, **until, **more}}


def serve(site, *listeners, rules=(), **certificates):
    """The listeners of the load balancer, with the rules of port 80 and the certificates of ACM."""
    site.see("load_balancer", BALANCER)
    site.answer("elbv2", "describe_listeners", {"Listeners": [*listeners]}, LoadBalancerArn=BALANCER)
    by_default = {"Priority": "default", "IsDefault": True, "Actions": [REDIRECT]}
    site.answer("elbv2", "describe_rules", {"Rules": [*rules] or [by_default]}, ListenerArn=HTTP)
    for name, answer in {"certificate": certificate(), **certificates}.items():
        site.answer("acm", "describe_certificate", answer, CertificateArn=f"arn:{name}")


PLAIN = listener(HTTP, 80, "HTTP")


def test_https_only(site):
    serve(site, PLAIN, secure(CERTIFICATE))
    finding = encrypted_only(site.account())
    assert told(finding) == ("pass", [f"HTTPS on 443 has {POLICY}", "HTTP redirects"])
    assert finding.looked_at == (BALANCER, HTTP, HTTPS, CERTIFICATE)


def test_there_is_no_load_balancer(site):
    site.see("load_balancer", None)
    finding = encrypted_only(site.account())
    assert told(finding) == ("fail", ["there is no load balancer"])
    assert finding.looked_at == ()


@pytest.mark.parametrize("listeners", [(), (PLAIN,)])
def test_there_is_no_https(site, listeners):
    serve(site, *listeners)
    finding = encrypted_only(site.account())
    assert told(finding) == ("fail", ["there is no HTTPS listener"])
    assert finding.looked_at == (BALANCER, *(each["ListenerArn"] for each in listeners))


def test_several_https_listeners(site):
    """Each has its policy and its certificates."""
    other = "arn:certificate/2"
    serve(site, secure(CERTIFICATE), secure(other, CERTIFICATE, arn="arn:listener/2", port=8443, policy=OLD),
          **{"certificate/2": certificate(status="EXPIRED")})  # fmt: skip
    finding = encrypted_only(site.account())
    assert told(finding) == ("fail", [
        f"HTTPS on 8443: the policy {OLD} accepts old protocols or ciphers",
        "HTTPS on 8443: the certificate for web.local.test is EXPIRED",
    ])  # fmt: skip
    assert finding.looked_at == (BALANCER, HTTPS, CERTIFICATE, "arn:listener/2", other)
    serve(site, secure(CERTIFICATE), secure(CERTIFICATE, arn="arn:listener/2", port=8443))
    assert told(encrypted_only(site.account())) == ("pass", [
        f"HTTPS on 443 has {POLICY}", f"HTTPS on 8443 has {POLICY}", "HTTP redirects",
    ])  # fmt: skip


def test_another_protocol_has_no_redirect(site):
    serve(site, secure(CERTIFICATE), listener("arn:listener/tcp", 9000, "TLS", SslPolicy=POLICY))
    assert told(encrypted_only(site.account())) == ("fail", ["TLS on 9000: it has no certificate"])


def test_a_listener_without_a_certificate(site):
    serve(site, PLAIN, secure())
    assert told(encrypted_only(site.account())) == ("fail", ["HTTPS on 443: it has no certificate"])


def test_what_http_answers_instead_of_a_redirect(site):
    """By default and by each of its rules."""
    same, again = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302"}}, {"Type": "redirect"}
    plain = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP"}}
    serve(site, PLAIN, secure(CERTIFICATE), rules=[
        {"Priority": "10", "IsDefault": False, "Actions": [REDIRECT, FORWARD]},
        {"Priority": "20", "Actions": [same]}, {"Priority": "25", "Actions": [again]},
        {"Priority": "30", "IsDefault": False, "Actions": [plain]},
        {"Priority": "40", "Actions": [{**FORWARD, "RedirectConfig": {"Protocol": "HTTPS"}}]},
        {"Priority": "50", "Actions": [REDIRECT]},
        {"Priority": "default", "IsDefault": True, "Actions": [{"Type": "fixed-response"}]},
    ])  # fmt: skip
    assert told(encrypted_only(site.account())) == ("fail", [
        f"HTTP on 80 answers {which}, not with a redirect to HTTPS" for which in (
            "with rule 10 with forward", "with rule 20 with redirect", "with rule 25 with redirect",
            "with rule 30 with redirect", "with rule 40 with forward", "by default with fixed-response")
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        (certificate(), []),
        ("ResourceNotFoundException", ["ACM has no certificate arn:certificate"]),
        (certificate(status="FAILED", days=None), ["the certificate for web.local.test is FAILED"]),
        (certificate(name="a.test"), ["the certificate is for a.test, not for web.local.test"]),
        (certificate(name="z.test", SubjectAlternativeNames=["b.test", "a.test", "z.test"]),
         ["the certificate is for a.test, b.test, z.test, not for web.local.test"]),
        (certificate(name="a.test", SubjectAlternativeNames=["a.test", "web.local.test"]), []),
        (certificate(SubjectAlternativeNames=["a.test"]), []),
        (certificate(days=None), []), (certificate(days=31), []),
        (certificate(name="a.test", status="REVOKED"),
         ["the certificate for a.test is REVOKED", "the certificate is for a.test, not for web.local.test"]),
    ],
)  # fmt: skip
def test_each_certificate(site, answer, problems):
    serve(site, PLAIN, secure(CERTIFICATE), certificate=answer)
    result, why = told(encrypted_only(site.account()))
    assert (result, why) == ("fail", [f"HTTPS on 443: {each}" for each in problems]) if problems else result == "pass"


def test_a_certificate_for_thirty_days_more(site):
    serve(site, PLAIN, secure(CERTIFICATE), certificate=certificate(days=30.01))
    assert told(encrypted_only(site.account()))[0] == "pass"


@pytest.mark.parametrize("days", [29.99, 1, -1])
def test_a_certificate_that_expires(site, days):
    answer = certificate(days=days)
    serve(site, PLAIN, secure(CERTIFICATE), certificate=answer)
    assert told(encrypted_only(site.account())) == ("fail", [
        f"HTTPS on 443: the certificate for web.local.test expires at {answer['Certificate']['NotAfter']:%Y-%m-%d}"
    ])  # fmt: skip


@pytest.mark.parametrize(("seconds", "result"), [(0, "fail"), (1, "pass")])
def test_a_certificate_expires_soon_when_thirty_days_are_left(site, monkeypatch, seconds, result):
    now = datetime(2026, 2, 1, tzinfo=UTC)
    monkeypatch.setattr(claims_of_servers, "datetime", SimpleNamespace(now=lambda zone: now))
    answer = certificate(NotAfter=now + timedelta(days=30, seconds=seconds))
    serve(site, PLAIN, secure(CERTIFICATE), certificate=answer)
    assert encrypted_only(site.account()).result == result


@pytest.mark.parametrize(
    ("settings", "name", "problem"),
    [
        ({"domain": "b.test", "hosted_zone": "Z1"}, "b.test", ""),
        ({"domain": "b.test", "hosted_zone": "Z1"}, "a.test", "the certificate is for a.test, not for b.test"),
        ({"self_signed": "own.test"}, "a.test", "the certificate is for a.test, not for own.test"),
        ({"arn": "arn:aws:acm:us-west-2:123456789012:certificate/1"}, "a.test", ""),
    ],
)  # fmt: skip
def test_the_certificate_is_for_the_site_of_the_parameters(settings, name, problem):
    """Of a certificate that they only name, they do not say for which site it is."""
    site = Site()
    one = dict.fromkeys(("arn", "domain", "hosted_zone", "self_signed")) | settings
    compute = site.params.compute
    site.params = site.params.model_copy(update={"compute": compute.model_copy(update={
        "certificate": compute.certificate.model_copy(update=one)})})  # fmt: skip
    serve(site, PLAIN, secure(CERTIFICATE), certificate=certificate(name=name))
    result, why = told(encrypted_only(site.account()))
    assert (result, why) == ("fail", [f"HTTPS on 443: {problem}"]) if problem else result == "pass"


LEFT = ["without us-west-2a, i-b serve, and the only NAT gateway is gone, as nat: single has it",
        "without us-west-2b, i-a serve"]  # fmt: skip


def test_without_either_zone_the_site_serves(site):
    finding = loss_of_a_zone(site.account())
    assert told(finding) == ("pass", LEFT)
    assert finding.looked_at == ("i-a", "i-b", *PRIVATE, "nat-1", "local-database")


def test_several_servers_in_each_zone(site):
    for zone in "ab":
        site.add(f"eni-more-{zone}", f"subnet-private-{zone}", "sg-web", instance=f"i-more-{zone}")
        site.health[f"i-more-{zone}"] = "healthy"
    assert told(loss_of_a_zone(site.account())) == ("pass", [
        LEFT[0].replace("i-b", "i-b, i-more-b"), LEFT[1].replace("i-a", "i-a, i-more-a"),
    ])  # fmt: skip


@pytest.mark.parametrize("state", ["unhealthy", "draining", "initial"])
def test_only_healthy_servers_serve(site, state):
    site.health["i-b"] = state
    finding = loss_of_a_zone(site.account())
    assert told(finding) == ("fail", ["without us-west-2a, no serving instance is left"])
    assert finding.looked_at == ("i-a", *PRIVATE, "nat-1", "local-database")
    site.health = {}
    assert told(loss_of_a_zone(site.account())) == ("fail", [
        f"without {zone}, no serving instance is left" for zone in (A, B)
    ])  # fmt: skip


def test_the_zones_are_those_of_the_private_subnets(site):
    for own in ("subnet-public-b", "subnet-private-b"):
        site.subnets[own]["AvailabilityZone"] = "us-west-2c" if "public" in own else B
    assert told(loss_of_a_zone(site.account()))[1] == LEFT


def test_the_zones_are_lost_one_by_one_and_in_order(site):
    zones = [f"us-west-2{letter}" for letter in "fdec"]
    for number, zone in enumerate(zones):
        site.subnets[f"subnet-{number}"] = {**site.subnets["subnet-private-b"], "AvailabilityZone": zone}
        site.tables[f"subnet-{number}"] = "rtb-public"
    _, why = told(loss_of_a_zone(site.account()))
    assert why == LEFT + [f"without {zone}, i-a, i-b serve" for zone in sorted(zones)]


@pytest.mark.parametrize("nat", ["per_zone", "single"])
def test_the_way_out_that_a_zone_takes_with_it(nat):
    """A zone's own gateway may be lost with it; with one for each zone, no other zone's way out may."""
    site = Site(network_nat=nat)
    lost = "without us-west-2a, subnet-private-b lose their way out, against nat: per_zone"
    assert told(loss_of_a_zone(site.account())) == (("fail", [lost]) if nat == "per_zone" else ("pass", LEFT))
    site.nats["nat-2"] = {"SubnetId": "subnet-public-b", "State": "available"}
    site.routes["rtb-b"] = [site.routes["rtb-private"][0], route(ANYONE, "nat-2")]
    site.tables["subnet-private-b"] = "rtb-b"
    finding = loss_of_a_zone(site.account())
    assert told(finding) == ("pass", [f"without {A}, i-b serve", f"without {B}, i-a serve"])
    assert finding.looked_at == ("i-a", "i-b", *PRIVATE, "nat-1", "nat-2", "local-database")


def test_several_subnets_lose_their_way_out():
    site = Site(network_nat="per_zone")
    site.subnets["subnet-private-c"] = {**site.subnets["subnet-private-b"], "CidrBlock": "10.20.9.0/24"}
    site.tables["subnet-private-c"] = "rtb-private"
    assert told(loss_of_a_zone(site.account())) == ("fail", [
        "without us-west-2a, subnet-private-b, subnet-private-c lose their way out, against nat: per_zone"
    ])  # fmt: skip


def test_a_subnet_without_a_way_out_loses_none(site):
    site.routes["rtb-private"].pop()
    assert told(loss_of_a_zone(site.account())) == ("pass", [f"without {A}, i-b serve", f"without {B}, i-a serve"])


@pytest.mark.parametrize("promised", [True, False])
@pytest.mark.parametrize("there", [True, False, None])
def test_the_standby_of_the_database(promised, there):
    """Without Multi-AZ, the database may be lost with its zone; whether it exists at all is told by other claims."""
    site = Site(data_multi_az=promised)
    site.database = None if there is None else {**site.database, "MultiAZ": there}
    finding = loss_of_a_zone(site.account())
    lacking = ("fail", ["local-database has no standby in another zone"])
    assert told(finding) == (lacking if promised and there is False else ("pass", LEFT))
    assert finding.looked_at[5:] == (() if there is None else ("local-database",))
