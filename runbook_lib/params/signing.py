"""Who approves, and how the evidence is signed and kept."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .fields import KMS_KEY, Name, PublicKey, Strict, Switch


class Approval(Strict):
    """Whether ``apply`` needs an approved plan, and whose approval counts."""

    required: Switch = False
    signers: dict[Name, PublicKey] = Field(
        default={}, description="who may approve, each with a public key; none: to give the fingerprint is to approve"
    )
    threshold: Literal[1, 2] = Field(default=1, description="2: one signer runs it, and another one approves")
    valid_hours: Annotated[int, Field(strict=True, ge=1, le=24 * 90)] = Field(
        default=72, description="how long a signed approval counts"
    )

    @model_validator(mode="after")
    def _people(self) -> Self:
        if self.signers and not self.required:
            raise ValueError("signers are asked only where required is true")
        if self.threshold == 2 and len({key.split()[1] for key in self.signers.values()}) < 2:
            raise ValueError("a threshold of 2 needs two signers with a key each")
        return self


class ObjectLock(Strict):
    """For how long S3 keeps the stored evidence from being changed or deleted.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """

    mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"
    days: Annotated[int, Field(strict=True, ge=1, le=36500)]


class Evidence(Strict):
    """Who signs what a run leaves behind, whose signature is believed, and where it is kept."""

    kms_key: Annotated[str, StringConstraints(pattern=KMS_KEY)] | None = Field(
        default=None, description="the ARN of a KMS key for signing; null: a key of this machine, in .runbook/keys/"
    )
    trusted_keys: dict[Name, PublicKey] = Field(
        default={}, description="whose signature `runbook evidence verify` believes, each with a public key"
    )
    store: Literal["local", "bucket"] = Field(default="local", description="bucket: also in the environment's bucket")
    object_lock: ObjectLock | None = None

    @model_validator(mode="after")
    def _stored(self) -> Self:
        if self.object_lock and self.store != "bucket":
            raise ValueError("object_lock is for what is stored: it needs store: bucket")
        return self
