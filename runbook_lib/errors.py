"""The errors that are shown to operators: each says what is wrong, with which thing, and what to do next."""

from __future__ import annotations


class RunbookError(Exception):
    """Base class of all errors that are shown to operators; they are shown without a traceback.

    Args:
        what: What is wrong, and with which thing.
        fix: What to do next, in the imperative.
    """

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(f"{what}\n  → {fix}")
        self.what, self.fix = what, fix

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class ParamsError(RunbookError):
    """A parameter file, or a parameter given on the command line, is missing or invalid."""


class WrongUsage(RunbookError):
    """A command names something that does not exist."""


class UnknownEnvironment(ParamsError, WrongUsage):
    """The parameter file of the environment does not exist."""


class WrongAccount(RunbookError):
    """The credentials belong to a different account than the one in the parameters."""


class NoAccess(RunbookError):
    """Credentials are missing, or AWS does not accept them.

    Args:
        code: AWS's error code; empty when AWS was not asked.
    """

    def __init__(self, what: str, *, fix: str, code: str = "") -> None:
        super().__init__(what, fix=fix)
        self.code = code


class WrongEndpoint(RunbookError):
    """AWS calls would go to a different endpoint than the parameters say."""


class MissingDependency(RunbookError):
    """A resource depends on one of an earlier notebook that does not exist yet."""


class Blocked(RunbookError):
    """A change requires that the resource is replaced, which a runbook never does."""


class PreflightFailed(RunbookError):
    """The preflight of an apply shows that it cannot succeed."""


class DestroyPrevented(RunbookError):
    """The parameters protect a resource from being destroyed."""


class Unconfirmed(RunbookError):
    """A destroy was requested without the environment's name as confirmation."""


class StillNeeded(RunbookError):
    """Resources of a later notebook depend on a resource that would be destroyed."""


class NotApproved(RunbookError):
    """A change is not part of an approved plan."""


class Locked(RunbookError):
    """Another run holds the lock of the environment."""


class WaitTimeout(RunbookError):
    """A resource did not reach its desired state in time."""


class DriftDetected(RunbookError):
    """The observed state differs from the desired state."""


class RequestRejected(RunbookError):
    """AWS rejected a request, or did not respond.

    Args:
        code: AWS's error code, e.g. ``DependencyViolation``; ``NoAnswer`` when AWS did not respond.
        message: AWS's error message.
        retryable: Whether the same request may succeed later.
        outcome_known: True when AWS did nothing; False when it may have carried out the request.
    """

    def __init__(
        self,
        what: str,
        *,
        fix: str,
        code: str = "",
        message: str = "",
        retryable: bool = False,
        outcome_known: bool = True,
    ) -> None:
        super().__init__(what, fix=fix)
        self.code, self.message, self.retryable, self.outcome_known = code, message, retryable, outcome_known

    def for_resource(self, key: str) -> RequestRejected:
        """Return the same error with the key of the resource in its text."""
        return RequestRejected(
            f"{key}: {self.what}", fix=self.fix, code=self.code, message=self.message,
            retryable=self.retryable, outcome_known=self.outcome_known,
        )  # fmt: skip


class Failed(RunbookError):
    """AWS accepted a request and then failed to carry it out."""


class NotOwned(RunbookError):
    """An object in AWS has a resource's name, but not the tags of this runbook."""


class Ambiguous(NotOwned):
    """Several objects in AWS have the identity tag of one resource.

    Args:
        ids: Their ids, where they are told.
    """

    def __init__(self, what: str, *, fix: str, ids: tuple[str, ...] = ()) -> None:
        super().__init__(what, fix=fix)
        self.ids = ids


class IdentityLost(NotOwned):
    """An object in AWS can only be ours, but lacks a tag by which it is found."""


class EvidenceError(RunbookError):
    """The evidence of a run cannot be signed, stored or trusted."""


class Closed(EvidenceError):
    """The evidence of a run is signed: nothing may be added to it."""


class LocalError(RunbookError):
    """The embedded AWS cannot be found, started or reached."""
