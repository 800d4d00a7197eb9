"""Claims 3, 7 and 8: the web servers, HTTPS, and the loss of a zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address

from ...aws.snapshot import ApiObject
from ...resources.load_balancer import LoadBalancer
from .account import Account
from .check import FAIL, Finding
from .claims_of_network import nat_of

_CURRENT_POLICIES = ("ELBSecurityPolicy-TLS13-1-2-", "ELBSecurityPolicy-TLS13-1-3-")
"""Policies that accept TLS 1.2 and 1.3 only.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
"""
_EXT = ("-Ext0-", "-Ext1-", "-Ext2-")
"""Variants of them with CBC ciphers and without forward secrecy."""
NEAR = timedelta(days=30)
"""As ACM.1 has it: https://docs.aws.amazon.com/securityhub/latest/userguide/acm-controls.html."""


def private_servers(account: Account) -> Finding:
    """Claim 3."""
    network, interfaces = account.network, account.interfaces("web")
    zones = sorted({network.subnets[each.subnet].zone for each in interfaces})
    problems = [] if len(zones) > 1 else [f"the web servers are in {', '.join(zones) or 'no zone'} only"]
    for each in interfaces:
        if network.is_public(each.subnet):
            problems.append(f"{each.instance} is in {each.subnet}, which is public")
        if each.public or any(isinstance(own, IPv6Address) and own.is_global for own in each.addresses):
            problems.append(f"{each.instance} has a public address")
    looked_at = [own for each in interfaces for own in (each.instance, each.id, each.subnet)]
    return Finding.of(looked_at, problems, [f"{len(account.servers)} web servers in {', '.join(zones)}"])


def encrypted_only(account: Account) -> Finding:
    """Claim 7."""
    balancer = account.observed(account.the(LoadBalancer))
    if balancer is None:
        return Finding(FAIL, (), ("there is no load balancer",))
    listeners = account.snapshot.all("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer.id)
    looked_at, problems, holds = [balancer.id], list[str](), list[str]()
    for listener in listeners:
        name = f"{listener['Protocol']} on {listener['Port']}"
        looked_at.append(listener["ListenerArn"])
        if listener["Protocol"] == "HTTP":
            problems += [f"{name} {each}" for each in plain_answers(account, listener)]
        else:
            arns = [each["CertificateArn"] for each in listener.get("Certificates", [])]
            looked_at += arns
            problems += [f"{name}: {each}" for each in _secure(account, listener, arns)]
            holds.append(f"{name} has {listener['SslPolicy']}")
    if not any(each["Protocol"] == "HTTPS" for each in listeners):
        problems.append("there is no HTTPS listener")
    return Finding.of(looked_at, problems, [*holds, "HTTP redirects"])


def plain_answers(account: Account, listener: ApiObject) -> Iterator[str]:
    """What an HTTP listener answers with, other than a redirect to HTTPS."""
    snapshot = account.snapshot
    rules = snapshot.all("elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"])
    for rule in rules:
        for action in rule["Actions"]:
            protocol = action.get("RedirectConfig", {}).get("Protocol")
            if action["Type"] != "redirect" or protocol != "HTTPS":
                which = "by default" if rule.get("IsDefault") else f"with rule {rule['Priority']}"
                yield f"answers {which} with {action['Type']}, not with a redirect to HTTPS"


def accepts_old_tls(policy: str) -> bool:
    """Whether a policy accepts more than TLS 1.2 and 1.3 with current ciphers."""
    return not policy.startswith(_CURRENT_POLICIES) or any(each in policy for each in _EXT)


def _secure(account: Account, listener: ApiObject, arns: list[str]) -> Iterator[str]:
    policy = listener["SslPolicy"]
    if accepts_old_tls(policy):
        yield f"the policy {policy} accepts old protocols or ciphers"
    if not arns:
        yield "it has no certificate"
    for arn in arns:
        gone = "ResourceNotFoundException"
        answer = account.snapshot.get("acm", "describe_certificate", missing=gone, CertificateArn=arn)
        yield from _invalid(account, arn, answer["Certificate"] if answer else None)


def _invalid(account: Account, arn: str, certificate: ApiObject | None) -> Iterator[str]:
    if certificate is None:
        yield f"ACM has no certificate {arn}"
        return
    settings, name = account.params.compute.certificate, certificate["DomainName"]
    site = settings.domain or settings.self_signed
    if certificate["Status"] != "ISSUED":
        yield f"the certificate for {name} is {certificate['Status']}"
    if site and site not in (names := {name, *certificate.get("SubjectAlternativeNames", [])}):
        yield f"the certificate is for {', '.join(sorted(names))}, not for {site}"
    until = certificate.get("NotAfter")
    if until and until <= datetime.now(UTC) + NEAR:
        yield f"the certificate for {name} expires at {until:%Y-%m-%d}"


def loss_of_a_zone(account: Account) -> Finding:
    """Claim 8, for the loss of each zone of the private subnets."""
    network, healthy = account.network, account.healthy
    serving = {each.instance: network.subnets[each.subnet].zone for each in account.interfaces("web")
               if each.instance in healthy}  # fmt: skip
    private = {own: network.subnets[own].zone for own in account.subnets("private")}
    exits = {own: network.nats[nat].subnet for own in private if (nat := nat_of(account, own)[0])}
    per_zone = account.params.network.nat == "per_zone"
    problems, holds = list[str](), list[str]()
    for lost in sorted({*private.values()}):
        left = [server for server, zone in serving.items() if zone != lost]
        if not left:
            problems.append(f"without {lost}, no serving instance is left")
        cut = [own for own, subnet in exits.items() if private[own] != lost and network.subnets[subnet].zone == lost]
        if cut and per_zone:
            problems.append(f"without {lost}, {', '.join(cut)} lose their way out, against nat: per_zone")
        also = ", and the only NAT gateway is gone, as nat: single has it" if cut else ""
        holds.append(f"without {lost}, {', '.join(left)} serve{also}")
    problems += _database(account)
    database = [account.database["DBInstanceIdentifier"]] if account.database else []
    return Finding.of([*serving, *private, *network.nats, *database], problems, holds)


def _database(account: Account) -> Iterator[str]:
    database = account.database
    if account.params.data.multi_az and database and not database["MultiAZ"]:
        yield f"{database['DBInstanceIdentifier']} has no standby in another zone"
