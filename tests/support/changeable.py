"""What AWS lets a person change of a thing, by botocore's models, and what a kind compares of that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from runbook_lib.aws.service_models import service_model

CHANGES = re.compile(r"(Modify|Put|Replace|Set|Update)[A-Z]")
# Fields of the call, not of the thing; tags are compared for every kind.
OF_THE_CALL = {
    "ApplyImmediately", "ChecksumAlgorithm", "ClientRequestToken", "ClientToken", "ConfirmRemoveSelfBucketAccess",
    "ContentMD5", "DryRun", "ExpectedBucketOwner", "MFA", "Overwrite", "RequestPayer", "RevisionId",
    "SkipDestinationValidation", "SkipZonalShiftValidation", "Token", "Tags", "TagSpecifications", "Tagging",
    "AllowMajorVersionUpgrade", "CertificateRotationRestart", "Publish", "PublishTo", "Attribute", "HonorCooldown",
    "RotationToken",
}  # fmt: skip


class Changed(NamedTuple):
    """What can be changed of a kind.

    Args:
        service: boto3's name of its service.
        names: The fields of a request that name the thing, separated by spaces: a call that requires one changes it.
        compared: For a field of the kind the fields of AWS's requests that set it, separated by spaces.
        left: For a reason the fields, and the operations with all their fields, that are not compared because of it.
        also: Operations that change it and do not require one of the names.
    """

    service: str = ""
    names: str = ""
    compared: Mapping[str, str] = MappingProxyType({})
    left: Mapping[str, str] = MappingProxyType({})
    also: str = ""

    def operations(self) -> dict[str, list[str]]:
        """The operations that change the thing, each with the fields of its request that are of the thing."""
        if not self.service:
            return {}
        model, names = service_model(self.service), set(self.names.split())
        found = {}
        for name in filter(CHANGES.match, model.operation_names):
            shape = model.operation_model(name).input_shape
            if shape and (names & set(shape.required_members) or name in self.also.split()):
                found[name] = [one for one in shape.members if one not in names | OF_THE_CALL]
        return found

    def named(self) -> set[str]:
        """All fields and operations that are compared or left."""
        return {word for words in (*self.compared.values(), *self.left.values()) for word in words.split()}

    def forgotten(self) -> dict[str, list[str]]:
        """The fields that are neither compared nor left, by operation."""
        named = self.named()
        fields = {name: [one for one in own if one not in named] for name, own in self.operations().items()}
        return {name: own for name, own in fields.items() if own and name not in named}

    def unknown(self) -> set[str]:
        """What is named and no operation has."""
        operations = self.operations()
        return self.named() - {*operations, *(one for own in operations.values() for one in own)}


SECRET = Changed(
    "secretsmanager", "SecretId", {"value": "SecretBinary SecretString UpdateSecretVersionStage VersionStages"},
    {"one call more for each in every plan; IAM Access Analyzer tells whom it lets in": "PutResourcePolicy",
     "a text": "Description Type", "the key that encrypts the next value": "KmsKeyId"},
)  # fmt: skip
"""A secret whose value is made here."""
SECRET_OF_RDS = Changed(
    "secretsmanager", "SecretId", {},
    {"RDS owns it, and lets nobody change it": "PutResourcePolicy PutSecretValue UpdateSecret"
     " UpdateSecretVersionStage"},
)  # fmt: skip


def table(kinds: dict[type, Changed]) -> str:
    """All kinds as Markdown."""
    lines = ["| kind | compared | not compared, and why |", "|---|---|---|"]
    for kind, changed in sorted(kinds.items(), key=lambda pair: pair[0].__name__):
        compared = ", ".join(f"`{field}`" for field in changed.compared)
        left = "; ".join(f"{why}: {', '.join(words.split())}" for why, words in changed.left.items())
        lines.append(f"| {kind.__name__} | {compared or '–'} | {left or '–'} |")
    return "\n".join(lines)
