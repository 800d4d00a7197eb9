"""Parameters for approvals, and for signing and storing the evidence."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .fields import KMS_KEY, Name, PublicKey, Strict, Switch


class Approval(Strict):
    """Whether ``apply`` requires an approved plan, and who may approve it."""

    required: Switch = False
    signers: dict[Name, PublicKey] = Field(
        default={}, description="who may approve, each with a public key; none: the fingerprint alone approves a plan"
    )
    threshold: Literal[1, 2] = Field(default=1, description="2: one signer runs the plan, and another one approves it")
    valid_hours: Annotated[int, Field(strict=True, ge=1, le=24 * 90)] = Field(
        default=72, description="how long a signed approval is valid"
    )

    @model_validator(mode="after")
    def _enough_signers(self) -> Self:
        if self.signers and not self.required:
            raise ValueError("signers need required: true")
        if self.threshold == 2 and len({key.split()[1] for key in self.signers.values()}) < 2:
            raise ValueError("a threshold of 2 needs two signers with different keys")
        return self


class ObjectLock(Strict):
    """How long S3 protects the stored evidence against changes and deletion.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """

    mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"
    days: Annotated[int, Field(strict=True, ge=1, le=36500)]


class Evidence(Strict):
    """How the evidence of a run is signed, whose signatures are trusted, and where it is stored."""

    kms_key: Annotated[str, StringConstraints(pattern=KMS_KEY)] | None = Field(
        default=None, description="the ARN of a KMS key for signing; null: a key of this machine, in .runbook/keys/"
    )
    trusted_keys: dict[Name, PublicKey] = Field(
        default={}, description="whose signatures `runbook evidence verify` trusts, each with a public key"
    )
    store: Literal["local", "bucket"] = Field(default="local", description="bucket: also in the S3 bucket")
    object_lock: ObjectLock | None = None

    @model_validator(mode="after")
    def _lock_needs_store(self) -> Self:
        if self.object_lock and self.store != "bucket":
            raise ValueError("object_lock needs store: bucket")
        return self
