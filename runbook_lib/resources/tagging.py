"""The tags of what exists: read by each kind, compared and written in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..aws.snapshot import ApiObject, tags_of

if TYPE_CHECKING:
    from ..aws.client import Aws

Pairs = list[dict[str, str]]


@dataclass(frozen=True)
class Tagging:
    """The tags that a resource has, and where they are written.

    Args:
        api: The service, and in IAM the type as well, e.g. ``iam role``.
        target: What its tagging call takes: an id, an ARN or a name; in EC2 it may be several ids.
        tags: As AWS reports them.
    """

    api: str
    target: str | tuple[str, ...]
    tags: Mapping[str, str]

    @classmethod
    def of(
        cls, api: str, target: str | tuple[str, ...], answer: ApiObject | None, field: str = "Tags"
    ) -> Tagging | None:
        """The tags in AWS's *answer*; ``None`` when there is no answer.

        Args:
            field: The field of the answer that holds them.
        """
        return cls(api, target, tags_of(answer, field)) if answer is not None else None

    def write(self, aws: Aws, tags: Mapping[str, str]) -> None:
        """Add *tags*, or change their values; the others stay."""
        # In S3 the call replaces all tags; those of AWS's own it does not take.
        kept = {key: value for key, value in self.tags.items() if not key.startswith("aws:")}
        written = kept | dict(tags) if self.api == "s3" else tags
        _WRITERS[self.api](aws, self.target, [{"Key": key, "Value": value} for key, value in written.items()])


def _tag_group(aws: Aws, name: Any, pairs: Pairs) -> None:
    group = {"ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
    aws.autoscaling.create_or_update_tags(Tags=[pair | group for pair in pairs])


def _tag_in_ec2(aws: Aws, target: Any, pairs: Pairs) -> None:
    aws.ec2.create_tags(Resources=[target] if isinstance(target, str) else list(target), Tags=pairs)


def _tag_log_group(aws: Aws, arn: Any, pairs: Pairs) -> None:
    aws.logs.tag_resource(resourceArn=arn, tags={pair["Key"]: pair["Value"] for pair in pairs})


_WRITERS: dict[str, Callable[[Aws, Any, Pairs], Any]] = {
    "acm": lambda aws, arn, pairs: aws.acm.add_tags_to_certificate(CertificateArn=arn, Tags=pairs),
    "autoscaling": _tag_group,
    "cloudwatch": lambda aws, arn, pairs: aws.cloudwatch.tag_resource(ResourceARN=arn, Tags=pairs),
    "codedeploy": lambda aws, arn, pairs: aws.codedeploy.tag_resource(ResourceArn=arn, Tags=pairs),
    "ec2": _tag_in_ec2,
    "elasticache": lambda aws, arn, pairs: aws.elasticache.add_tags_to_resource(ResourceName=arn, Tags=pairs),
    "elbv2": lambda aws, arn, pairs: aws.elbv2.add_tags(ResourceArns=[arn], Tags=pairs),
    "iam instance profile": lambda aws, name, pairs: aws.iam.tag_instance_profile(InstanceProfileName=name, Tags=pairs),
    "iam provider": lambda aws, arn, pairs: aws.iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, Tags=pairs
    ),
    "iam role": lambda aws, name, pairs: aws.iam.tag_role(RoleName=name, Tags=pairs),
    "events": lambda aws, arn, pairs: aws.events.tag_resource(ResourceARN=arn, Tags=pairs),
    "lambda": lambda aws, arn, pairs: aws.lambda_.tag_resource(
        Resource=arn, Tags={pair["Key"]: pair["Value"] for pair in pairs}
    ),
    "logs": _tag_log_group,
    "rds": lambda aws, arn, pairs: aws.rds.add_tags_to_resource(ResourceName=arn, Tags=pairs),
    "s3": lambda aws, bucket, pairs: aws.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": pairs}),
    "secretsmanager": lambda aws, arn, pairs: aws.secretsmanager.tag_resource(SecretId=arn, Tags=pairs),
    "ssm": lambda aws, name, pairs: aws.ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=pairs),
}
