"""An EC2 key pair: the public half of an SSH key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .predictions import Twin
from .ssh_key import SshKey
from .tagging import Tagging


@kind
class KeyPair(Resource):
    """The public key for SSH access to instances; its id is its name.

    Args:
        public: An OpenSSH public key, or a key created by this runbook.
    """

    public: str | SshKey

    immutable = frozenset({"public"})

    needs = (
        to_look("ec2:DescribeKeyPairs"),
        to_apply("ec2:CreateTags", "ec2:ImportKeyPair", on="ec2:key-pair/{env}-{self.name}"),
        to_destroy("ec2:DeleteKeyPair", on="ec2:key-pair/{env}-{self.name}"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the key without its comment."""
        wanted = super().desired(ids)
        return {"public": _bare(self.public) if isinstance(self.public, str) else wanted["public"]}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the key pair by its tags, with its public key."""
        pairs = snapshot.candidates("describe_key_pairs", "KeyPairs", self, IncludePublicKey=True)
        pair = snapshot.identify(pairs, "KeyPairs", self)
        if pair is None:
            return None
        state = {"public": _bare(pair.get("PublicKey", ""))}
        return Observed(
            pair["KeyName"],
            state,
            detail={"fingerprint": pair["KeyFingerprint"]},
            tagging=Tagging.of("ec2", pair["KeyPairId"], pair),
        )

    def twins(self, snapshot: Snapshot, ids: Ids) -> Iterator[Twin]:
        """The key pair with the same name."""
        named = [{"Name": "key-name", "Values": [snapshot.aws.name(self)]}]
        for pair in snapshot.all("ec2", "describe_key_pairs", "KeyPairs", Filters=named):
            if snapshot.aws.KEY not in tags_of(pair):
                yield Twin(pair["KeyPairId"], "name", ours=False)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Import the public key; EC2 never has the private one."""
        public = self.public if isinstance(self.public, str) else ids[self.public]
        aws.ec2.import_key_pair(
            KeyName=aws.name(self),
            PublicKeyMaterial=public.encode(),
            TagSpecifications=aws.tag_spec("key-pair", self),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the key pair; servers keep the key that they have."""
        aws.ec2.delete_key_pair(KeyName=observed.id)


def _bare(public: str) -> str:
    """Type and key without the comment, which AWS replaces by the pair's name."""
    return " ".join(public.split()[:2])
