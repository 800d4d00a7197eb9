"""What has left the parameters, told from those that were applied, which are kept in the environment's bucket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property

from pydantic import ValidationError

from ..aws.client import Aws
from ..errors import RequestRejected
from ..params import Params
from ..resources.base import Resource
from ..stacks.orphans import known_orphans
from ..stacks.stack import Stack

KEY = "applied.json"
_NOTHING = {"NoSuchBucket", "NoSuchKey", "404"}


class AppliedParameters:
    """Every version of the parameters by which something may exist, the newest last.

    An apply adds its parameters before its first change; when nothing of the earlier ones is left, they are
    forgotten.  Without the object, or with one that cannot be read, what has left the parameters is only reported.

    Args:
        bucket: The environment's bucket.
    """

    def __init__(self, aws: Aws, bucket: str) -> None:
        self._aws, self._bucket = aws, bucket

    def read(self) -> tuple[Params, ...]:
        """All versions; none without the bucket or the object."""
        try:
            body = self._aws.reads.read((self._bucket, KEY), lambda: self._aws.read_object(self._bucket, KEY)[0])
        except RequestRejected as error:
            if error.code in _NOTHING:
                return ()
            raise
        return _parse(body)

    def add(self, params: Params) -> bool:
        """Add a version, unless it is the newest already; false without the bucket: nothing else can exist yet."""
        versions = self.read()
        others = [past for past in versions if past != params]
        return versions[-1:] == (params,) or self._write([*others, params])

    def forget_others(self, params: Params) -> None:
        """Keep only this version."""
        if self.read() != (params,):
            self._write([params])

    def _write(self, versions: Sequence[Params]) -> bool:
        body = json.dumps([past.model_dump(mode="json") for past in versions]).encode()
        try:
            self._aws.s3.put_object(Bucket=self._bucket, Key=KEY, Body=body, ContentType="application/json")
        except RequestRejected as error:
            if error.code not in _NOTHING:
                raise
            return False
        return True


def _parse(body: bytes) -> tuple[Params, ...]:
    """The versions that today's code still accepts."""
    versions = []
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    for entry in entries if isinstance(entries, list) else ():
        try:
            versions.append(Params.model_validate(entry))
        except ValidationError:
            continue
    return tuple(versions)


class KnownOrphans:
    """What earlier parameters of an environment asked for and today's do not.

    Args:
        bucket: The environment's bucket.
    """

    def __init__(self, params: Params, aws: Aws, bucket: str) -> None:
        self._params, self._applied = params, AppliedParameters(aws, bucket)
        self._is_added = False

    @cached_property
    def by_stack(self) -> dict[str, tuple[Resource, ...]]:
        """The resources of each stack, by its name, whether or not they still exist."""
        return known_orphans(self._params, self._applied.read())

    def of(self, stack: Stack) -> tuple[Resource, ...]:
        """Those of the whole stack that *stack* is, or is a part of."""
        return self.by_stack.get(stack.whole, ())

    @property
    def all(self) -> Stack:
        """Those of all stacks, as one."""
        return Stack("orphans", orphans=[orphan for orphans in self.by_stack.values() for orphan in orphans])

    def stack_of(self, orphan: Resource) -> str:
        """The name of the stack that had it."""
        return next(name for name, orphans in self.by_stack.items() if orphan in orphans)

    def add_parameters(self) -> None:
        """Keep today's parameters, before something is made by them."""
        if not self._is_added:
            self._is_added = self._applied.add(self._params)

    def forget(self) -> None:
        """Forget the earlier parameters, since nothing of theirs is left."""
        self._applied.forget_others(self._params)
