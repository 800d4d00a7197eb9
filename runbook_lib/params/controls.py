"""The security controls that apply to an environment, and the exceptions that its parameters make.

Ids, titles and severities are those of AWS Security Hub: the Foundational Security Best Practices standard (FSBP), the
CIS AWS Foundations Benchmark, and a few beside them for what the stacks create.
https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html
https://docs.aws.amazon.com/securityhub/latest/userguide/cis-aws-foundations-benchmark.html
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from .fields import Strict

_GUIDE = "https://docs.aws.amazon.com/securityhub/latest/userguide"
CRITICAL, HIGH, MEDIUM, LOW = "Critical", "High", "Medium", "Low"


@dataclass(frozen=True)
class Control:
    """A control of Security Hub.

    Args:
        id: E.g. ``EC2.2``; the same in all standards.
        cis: The number in the CIS AWS Foundations Benchmark 5.0; empty where it has none.
    """

    id: str
    severity: str
    title: str
    cis: str = ""

    @property
    def source(self) -> str:
        """AWS's page about it."""
        service, _, number = self.id.lower().partition(".")
        return f"{_GUIDE}/{service}-controls.html#{service}-{number}"


CONTROLS = {control.id: control for control in (
    Control("ACM.1", MEDIUM, "Certificates should be renewed after a specified time period"),
    Control("ACM.2", HIGH, "RSA certificates managed by ACM should use a key length of at least 2,048 bits"),
    Control("AutoScaling.1", LOW, "Auto Scaling groups associated with a load balancer should use ELB health checks"),
    Control("AutoScaling.2", MEDIUM, "Auto Scaling groups should cover multiple Availability Zones"),
    Control("AutoScaling.3", HIGH, "Launch configurations should require IMDSv2"),
    Control("AutoScaling.5", HIGH, "Instances launched by launch configurations should not have public IP addresses"),
    Control("AutoScaling.6", MEDIUM, "Auto Scaling groups should use multiple instance types in multiple zones"),
    Control("AutoScaling.9", MEDIUM, "Auto Scaling groups should use launch templates"),
    Control("CloudWatch.15", HIGH, "Alarms should have specified actions configured"),
    Control("CloudWatch.16", MEDIUM, "Log groups should be retained for a specified time period"),
    Control("CloudWatch.17", HIGH, "Alarm actions should be activated"),
    Control("EC2.2", HIGH, "VPC default security groups should not allow inbound or outbound traffic", "5.5"),
    Control("EC2.3", MEDIUM, "Attached EBS volumes should be encrypted at rest"),
    Control("EC2.4", MEDIUM, "Stopped instances should be removed after a specified time period"),
    Control("EC2.6", MEDIUM, "VPC flow logging should be enabled in all VPCs", "3.7"),
    Control("EC2.7", MEDIUM, "EBS default encryption should be enabled", "5.1.1"),
    Control("EC2.8", HIGH, "Instances should use Instance Metadata Service Version 2 (IMDSv2)", "5.7"),
    Control("EC2.9", HIGH, "Instances should not have a public IPv4 address"),
    Control("EC2.10", MEDIUM, "VPCs should use VPC endpoints that are created for the EC2 service"),
    Control("EC2.13", HIGH, "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 22"),
    Control("EC2.14", HIGH, "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 3389"),
    Control("EC2.15", MEDIUM, "Subnets should not automatically assign public IP addresses"),
    Control("EC2.16", LOW, "Unused network access control lists should be removed"),
    Control("EC2.17", LOW, "Instances should not use multiple ENIs"),
    Control("EC2.18", HIGH, "Security groups should only allow unrestricted incoming traffic for authorized ports"),
    Control("EC2.19", CRITICAL, "Security groups should not allow unrestricted access to ports with high risk"),
    Control("EC2.21", MEDIUM, "Network ACLs should not allow ingress from 0.0.0.0/0 to port 22 or port 3389", "5.2"),
    Control("EC2.24", MEDIUM, "Paravirtual instance types should not be used"),
    Control("EC2.25", HIGH, "Launch templates should not assign public IPs to network interfaces"),
    Control("EC2.53", HIGH, "Security groups should not allow ingress from 0.0.0.0/0 to remote administration ports",
            "5.3"),
    Control("EC2.54", HIGH, "Security groups should not allow ingress from ::/0 to remote administration ports", "5.4"),
    Control("EC2.57", MEDIUM, "VPCs should be configured with an interface endpoint for Systems Manager"),
    Control("EC2.170", LOW, "Launch templates should use Instance Metadata Service Version 2 (IMDSv2)"),
    Control("EC2.172", MEDIUM, "VPC Block Public Access settings should block internet gateway traffic"),
    Control("EC2.180", MEDIUM, "Network interfaces should have source/destination checking enabled"),
    Control("EC2.181", MEDIUM, "Launch templates should enable encryption for attached EBS volumes"),
    Control("ElastiCache.1", HIGH, "Clusters should have automatic backups enabled"),
    Control("ElastiCache.2", HIGH, "Clusters should have automatic minor version upgrades enabled"),
    Control("ElastiCache.3", MEDIUM, "Replication groups should have automatic failover enabled"),
    Control("ElastiCache.4", MEDIUM, "Replication groups should be encrypted at rest"),
    Control("ElastiCache.5", MEDIUM, "Replication groups should be encrypted in transit"),
    Control("ElastiCache.6", MEDIUM, "Replication groups of earlier versions should have AUTH enabled"),
    Control("ElastiCache.7", HIGH, "Clusters should not use the default subnet group"),
    Control("ELB.1", MEDIUM, "Application Load Balancers should redirect all HTTP requests to HTTPS"),
    Control("ELB.4", MEDIUM, "Application Load Balancers should drop invalid HTTP headers"),
    Control("ELB.5", MEDIUM, "Logging of load balancers should be enabled"),
    Control("ELB.6", MEDIUM, "Load balancers should have deletion protection enabled"),
    Control("ELB.12", MEDIUM, "Application Load Balancers should have defensive or strictest desync mitigation mode"),
    Control("ELB.13", MEDIUM, "Load balancers should span multiple Availability Zones"),
    Control("ELB.17", MEDIUM, "Load balancers with listeners should use recommended security policies"),
    Control("ELB.18", MEDIUM, "Listeners should use secure protocols to encrypt data in transit"),
    Control("ELB.21", MEDIUM, "Target groups should use encrypted health check protocols"),
    Control("ELB.22", MEDIUM, "Target groups should use encrypted transport protocols"),
    Control("IAM.1", HIGH, 'Policies should not allow full "*" administrative privileges'),
    Control("IAM.21", LOW, "Policies that you create should not allow wildcard actions for services"),
    Control("KMS.1", MEDIUM, "Customer managed policies should not allow decryption actions on all KMS keys"),
    Control("KMS.2", MEDIUM, "Inline policies should not allow decryption actions on all KMS keys"),
    Control("RDS.1", CRITICAL, "Snapshots should be private"),
    Control("RDS.2", CRITICAL, "DB instances should prohibit public access", "2.2.3"),
    Control("RDS.3", MEDIUM, "DB instances should have encryption at rest enabled", "2.2.1"),
    Control("RDS.4", MEDIUM, "Snapshots should be encrypted at rest"),
    Control("RDS.5", MEDIUM, "DB instances should be configured with multiple Availability Zones", "2.2.4"),
    Control("RDS.6", LOW, "Enhanced monitoring should be configured for DB instances"),
    Control("RDS.8", LOW, "DB instances should have deletion protection enabled"),
    Control("RDS.9", MEDIUM, "DB instances should publish logs to CloudWatch Logs"),
    Control("RDS.10", MEDIUM, "IAM authentication should be configured for DB instances"),
    Control("RDS.11", MEDIUM, "DB instances should have automatic backups enabled"),
    Control("RDS.13", HIGH, "Automatic minor version upgrades should be enabled", "2.2.2"),
    Control("RDS.17", LOW, "DB instances should be configured to copy tags to snapshots"),
    Control("RDS.18", HIGH, "DB instances should be deployed in a VPC"),
    Control("RDS.20", LOW, "Existing event subscriptions should be configured for critical DB instance events"),
    Control("RDS.21", LOW, "An event subscription should be configured for critical DB parameter group events"),
    Control("RDS.22", LOW, "An event subscription should be configured for critical DB security group events"),
    Control("RDS.23", LOW, "DB instances should not use a database engine default port"),
    Control("RDS.25", MEDIUM, "DB instances should use a custom administrator username"),
    Control("RDS.46", HIGH, "DB instances should not be deployed in public subnets with routes to internet gateways"),
    Control("S3.1", MEDIUM, "S3 should have block public access settings enabled for the account", "2.1.4"),
    Control("S3.2", CRITICAL, "Buckets should block public read access"),
    Control("S3.3", CRITICAL, "Buckets should block public write access"),
    Control("S3.5", MEDIUM, "Buckets should require requests to use SSL", "2.1.1"),
    Control("S3.6", HIGH, "Bucket policies should restrict access to other AWS accounts"),
    Control("S3.8", HIGH, "Buckets should block public access", "2.1.4"),
    Control("S3.9", MEDIUM, "Buckets should have server access logging enabled"),
    Control("S3.12", MEDIUM, "ACLs should not be used to manage user access to buckets"),
    Control("S3.13", LOW, "Buckets should have lifecycle configurations"),
    Control("S3.20", LOW, "Buckets should have MFA delete enabled", "2.1.2"),
    Control("SecretsManager.1", MEDIUM, "Secrets should have automatic rotation enabled"),
    Control("SecretsManager.2", MEDIUM, "Secrets configured with automatic rotation should rotate successfully"),
    Control("SecretsManager.3", MEDIUM, "Unused secrets should be removed"),
    Control("SecretsManager.4", MEDIUM, "Secrets should be rotated within a specified number of days"),
    Control("SSM.1", MEDIUM, "EC2 instances should be managed by Systems Manager"),
)}  # fmt: skip
"""Every control that verify evaluates, by its id."""


def _known(control: str) -> str:
    if control not in CONTROLS:
        near = difflib.get_close_matches(control.lower(), [each.lower() for each in CONTROLS], n=1)
        hint = next((f"; did you mean {each}?" for each in CONTROLS if [each.lower()] == near), "")
        raise ValueError(f"there is no such control{hint or '; docs/controls.md lists all'}")
    return control


def _reason(text: str) -> str:
    if len(text.split()) < 3 or not text.isprintable():
        raise ValueError("write on one line why the control does not hold here, for an auditor to read")
    return text


def _parse_date(value: Any) -> Any:
    """A date as YAML reads it, or as JSON has it; a time of day is none."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if type(value) is date:
        return value
    raise ValueError("write a date as 2027-01-31")


class ControlException(Strict):
    """A control that does not hold, and why that is accepted."""

    control: Annotated[str, AfterValidator(_known)] = Field(description="its id, e.g. EC2.9")
    resources: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="those that are excepted, by their key or id, e.g. instance.bastion; empty: all of them"
    )
    reason: Annotated[str, AfterValidator(_reason)] = Field(description="why that is accepted here")
    expires: Annotated[date, BeforeValidator(_parse_date)] | None = Field(
        default=None, description="the last day on which it counts; from the next on the control fails"
    )


class Controls(Strict):
    """What verify accepts although a control fails."""

    exceptions: tuple[ControlException, ...] = ()
