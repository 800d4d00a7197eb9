"""Every error an operator can meet: what is wrong, naming the thing, and what to do next."""

from __future__ import annotations


class RunbookError(Exception):
    """Base of all errors that are shown to operators, without a traceback.

    Args:
        what: What is wrong, naming the thing.
        fix: What to do next, in the imperative.
    """

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(f"{what}\n  → {fix}")
        self.what, self.fix = what, fix

    def _render_traceback_(self) -> list[str]:
        """IPython asks this before it prints a traceback: an operator's error has none."""
        return [f"{type(self).__name__}: {self}"]


class ParamsError(RunbookError):
    """A parameter file, or a parameter given on the command line, is missing or invalid."""


class WrongUsage(RunbookError):
    """A command names something that there is not."""


class UnknownEnvironment(ParamsError, WrongUsage):
    """There is no parameter file of that name."""


class WrongAccount(RunbookError):
    """The credentials belong to another account than the parameters name."""


class NoAccess(RunbookError):
    """AWS cannot be reached, or does not know these credentials."""


class WrongEndpoint(RunbookError):
    """The calls would go somewhere else than the parameters say."""


class MissingDependency(RunbookError):
    """A resource stands on one from an earlier notebook that does not exist yet."""


class Blocked(RunbookError):
    """A change would need a replacement, which a runbook never does by itself."""


class DestroyPrevented(RunbookError):
    """The parameters protect what was about to be destroyed."""


class Unconfirmed(RunbookError):
    """A destroy was asked for without the name of the environment."""


class StillNeeded(RunbookError):
    """What was about to be destroyed carries something of a later notebook."""


class NotApproved(RunbookError):
    """What is about to be done is not what was reviewed and approved."""


class Locked(RunbookError):
    """Another run is changing this environment."""


class WaitTimeout(RunbookError):
    """A resource did not reach its desired state in time."""


class DriftDetected(RunbookError):
    """What is running differs from what was asked for."""


class RequestRejected(RunbookError):
    """AWS said no, or said nothing.

    Args:
        code: AWS's error code, e.g. ``DependencyViolation``; ``NoAnswer`` when none came.
        message: AWS's own words.
        passing: Whether another try may fare better.
        certain: Whether AWS surely did nothing; false when the answer was lost.
    """

    def __init__(
        self, what: str, *, fix: str, code: str = "", message: str = "", passing: bool = False, certain: bool = True
    ) -> None:
        super().__init__(what, fix=fix)
        self.code, self.message, self.passing, self.certain = code, message, passing, certain

    def about(self, key: str) -> RequestRejected:
        """The same refusal, naming the resource that it concerns."""
        return RequestRejected(
            f"{key}: {self.what}", fix=self.fix, code=self.code, message=self.message,
            passing=self.passing, certain=self.certain,
        )  # fmt: skip


class Failed(RunbookError):
    """AWS accepted it, then failed to bring it about."""


class Ambiguous(RunbookError):
    """Two things carry the identity of one resource."""


class NotOwned(RunbookError):
    """A thing has the name of one of our resources, but is not tagged as ours."""


class EvidenceError(RunbookError):
    """The evidence of a run cannot be signed, stored or believed."""


class Closed(EvidenceError):
    """The evidence of the run is signed: nothing may be added to it."""


class LocalError(RunbookError):
    """The embedded AWS could not be started, found or asked."""
