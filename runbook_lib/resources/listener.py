"""The listeners of a load balancer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Set
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, kind
from .certificate import Certificate, GivenCertificate
from .load_balancer import LoadBalancer, read_tags
from .predictions import Refusal
from .tagging import Tagging
from .target_group import TargetGroup

_ON = "elasticloadbalancing:listener/*/{env}-{self.balancer.name}/*"


@kind
class PortListener(Resource):
    """The base of a load balancer's listeners; a rule beside its default action is not ours, and does not stay."""

    balancer: LoadBalancer
    port: int

    immutable = frozenset({"balancer", "port"})
    # The load balancer may not know a certificate as issued yet; what is wrong with one is told by the plan.
    eventual_errors = frozenset(
        {"LoadBalancerNotFound", "TargetGroupNotFound", "CertificateNotFound", "UnsupportedCertificate"}
    )

    needs = (
        to_look("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules"),
        to_apply(
            "elasticloadbalancing:CreateListener",
            on="elasticloadbalancing:loadbalancer/app/{env}-{self.balancer.name}/*",
        ),
        to_apply("elasticloadbalancing:AddTags", "elasticloadbalancing:ModifyListener", on=_ON),
        to_apply(
            "elasticloadbalancing:DeleteRule",
            on="elasticloadbalancing:listener-rule/*/{env}-{self.balancer.name}/*",
        ),
        to_destroy("elasticloadbalancing:DeleteListener", on=_ON),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect no rule but the default action."""
        return {**super().desired(ids), "rules": frozenset()}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the load balancer's listener by its port, with the rules that are not ours."""
        balancer = ids.get(self.balancer)
        if balancer is None:
            return None
        listeners = snapshot.all("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer)
        listener = next((listener for listener in listeners if listener["Port"] == self.port), None)
        if listener is None:
            return None
        arn = listener["ListenerArn"]
        answer = snapshot.get("elbv2", "describe_rules", missing="ListenerNotFound", ListenerArn=arn)
        rules = {rule["RuleArn"]: rule for rule in (answer or {"Rules": []})["Rules"] if not rule["IsDefault"]}
        described = frozenset(map(_describe_rule, rules.values()))
        state = {"balancer": balancer, "port": self.port, **self.state(listener), "rules": described}
        tagging = Tagging.of("elbv2", arn, read_tags(snapshot, arn, (one["ListenerArn"] for one in listeners)))
        return Observed(arn, state, detail={"_rules": sorted(rules)}, tagging=tagging)

    @abstractmethod
    def state(self, description: ApiObject) -> dict[str, Any]:
        """Its state, without balancer and port."""

    @abstractmethod
    def request(self, ids: Ids) -> dict[str, Any]:
        """The request fields, the same for create and modify."""

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the listener with what :meth:`request` says."""
        aws.elbv2.create_listener(
            LoadBalancerArn=ids[self.balancer], Port=self.port, Tags=aws.tags(self), **self.request(ids)
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Write the whole listener: the call replaces it; delete rules that are not ours."""
        if drift - {"rules"}:
            aws.elbv2.modify_listener(ListenerArn=observed.id, **self.request(ids))
        for rule in observed.detail["_rules"]:
            aws.elbv2.delete_rule(RuleArn=rule)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the listener."""
        aws.elbv2.delete_listener(ListenerArn=observed.id)


@kind
class Listener(PortListener):
    """Forwards HTTPS to a target group.

    Without ``policy`` AWS would use a policy of 2016 that allows TLS 1.0.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
    """

    certificate: Certificate
    target_group: TargetGroup
    policy: str = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

    ready_fields = frozenset({"certificate"})

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add the protocol."""
        return {**super().desired(ids), "protocol": "HTTPS"}

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """What is wrong with a certificate of somebody else's; those made here are right.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
        """
        if "certificate" not in fields or not isinstance(self.certificate, GivenCertificate):
            return None
        arn = self.certificate.known_as
        answer = snapshot.get("acm", "describe_certificate", missing="ResourceNotFoundException", CertificateArn=arn)
        problem = _unsupported(answer["Certificate"]) if answer else ""
        if not problem:
            return None
        fix = "Have it corrected by its owner, or write another one in compute.certificate.arn in params/."
        return Refusal(frozenset({"certificate"}), f"load balancers do not take the certificate {arn}: {problem}", fix)

    def state(self, description: ApiObject) -> dict[str, Any]:
        """Return protocol, certificate, target group and security policy as ELB describes them."""
        certificates = description.get("Certificates") or [{}]
        return {
            "protocol": description["Protocol"],
            "certificate": certificates[0].get("CertificateArn"),
            "target_group": _describe_targets(description),
            "policy": description.get("SslPolicy"),
        }

    def request(self, ids: Ids) -> dict[str, Any]:
        """Return the parameters of a listener that forwards HTTPS to the target group."""
        return {
            "Protocol": "HTTPS",
            "SslPolicy": self.policy,
            "Certificates": [{"CertificateArn": ids[self.certificate]}],
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": ids[self.target_group]}],
        }


@kind
class RedirectListener(PortListener):
    """Redirects HTTP to HTTPS permanently."""

    to_port: int = 443

    def state(self, description: ApiObject) -> dict[str, Any]:
        """Return the port of a permanent redirect to HTTPS; ``None`` for any other action."""
        redirect = _action(description).get("RedirectConfig", {})
        # AWS gives a part that stays as it is back as its own placeholder, or leaves it out.
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
        same = all(redirect.get(name) in (None, "", kept) for name, kept in _KEPT.items())
        sent_on = (description["Protocol"], redirect.get("Protocol"), redirect.get("StatusCode"))
        permanent = same and sent_on == ("HTTP", "HTTPS", "HTTP_301")
        return {"to_port": int(redirect["Port"]) if permanent and redirect.get("Port", "").isdigit() else None}

    def request(self, ids: Ids) -> dict[str, Any]:
        """Return the parameters of a listener that redirects HTTP to HTTPS for good."""
        redirect = {"Protocol": "HTTPS", "Port": str(self.to_port), "StatusCode": "HTTP_301"}
        return {"Protocol": "HTTP", "DefaultActions": [{"Type": "redirect", "RedirectConfig": redirect}]}


_KEPT = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}


def _describe_targets(description: ApiObject) -> str:
    """The target group that gets all requests, or what happens to them instead."""
    action = _action(description)
    config = action.get("ForwardConfig", {})
    groups = [group["TargetGroupArn"] for group in config.get("TargetGroups", [])]
    sticky = config.get("TargetGroupStickinessConfig", {}).get("Enabled")
    if len(groups) > 1 or sticky:
        return ", ".join([*sorted(groups), *(["sticky"] if sticky else [])])
    return str(action.get("TargetGroupArn") or next(iter(groups), "") or action.get("Type"))


def _describe_rule(rule: ApiObject) -> str:
    """A rule as a plan shows it: ``1: path-pattern /admin → fixed-response``."""
    conditions = ", ".join(f"{one['Field']} {' '.join(one.get('Values', []))}".strip() for one in rule["Conditions"])
    return f"{rule['Priority']}: {conditions} → {', '.join(action['Type'] for action in rule['Actions'])}"


def _action(description: ApiObject) -> ApiObject:
    return next(iter(description["DefaultActions"]), {})


def _unsupported(certificate: ApiObject) -> str:
    """What a load balancer refuses about a certificate; empty when it takes it."""
    if certificate["Status"] != "ISSUED":
        return f"its status is {certificate['Status']}"
    # DescribeCertificate writes RSA-1024, ListCertificates RSA_1024.
    if (key := certificate.get("KeyAlgorithm", "").replace("-", "_")) == "RSA_1024":
        return f"its key is of {key}"
    if "." not in certificate["DomainName"]:
        return f"{certificate['DomainName']} is not a full domain name"
    return ""
