"""Create or update one resource: observe it, send the difference once, and observe until it is as desired."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from ..aws.error_translation import NO_RESPONSE
from ..aws.outages import LONGEST_OUTAGE
from ..errors import Blocked, RequestRejected
from ..resources.base import TAGS, Observed, ObservedState, drift_of, ids_of
from .context import Context
from .observe import CONSISTENCY_TIMEOUT, failed_error, observe, status_text, timeout_error
from .plan import IMMUTABLE_FIX, Action, Change, not_ours, plan_change

_LOST_RESPONSE = 20.0
"""Seconds in which a resource may still appear whose create call got no response."""
_LATE_REQUEST = 300.0
"""Seconds after which AWS no longer accepts a request, by the time in its signature.

Until then a request that got no response may still be carried out, e.g. when a proxy delays it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html (5 minutes)
"""


class ApplyResource:
    """Create or update one resource.

    Args:
        observed_state: Updated with every observation of the resource and of what it waits for.
    """

    def __init__(self, context: Context, change: Change, observed_state: ObservedState) -> None:
        self._context, self._change, self._observed_state = context, change, observed_state
        self._resource, self._clock = change.resource, context.clock
        self._created = False
        self._missing_until, self._first_rejected, self._first_lost = -inf, inf, inf
        self._extra_time = 0.0
        self._rejected: tuple[frozenset[str], str] | None = None
        self._sent: tuple[frozenset[str], str] | None = None
        self._began = self._started = self._last_sent = self._clock.now()
        self._verb = "updating" if change.action is Action.UPDATE else "creating"

    @property
    def timings(self) -> dict[str, float]:
        """Seconds until its dependencies were ready, until AWS had accepted every request, and until now."""
        moments = {
            "waited": self._started,
            "sent": max(self._started, self._last_sent),
            "took": self._clock.now(),
        }
        return {name: round(moment - self._began, 3) for name, moment in moments.items()}

    def run(self) -> Observed:
        """Bring the resource to its desired state; returns its observed state.

        Raises:
            Failed: AWS reports it, or a dependency, as failed.
            WaitTimeout: It does not reach the desired state, or a dependency is not ready, in time.
            Blocked: AWS cannot change a drifted field in place.
            RequestRejected: AWS rejects a request, and retrying does not help.
        """
        resource, observed_state = self._resource, self._observed_state
        needs = resource.ready_dependencies
        self._context.wait_until_ready(needs, observed_state, is_enough=resource.is_satisfied_by)
        before = self._change.observed
        began = self._clock.now()
        self._started = began
        while True:
            observed = observe(resource, self._context.snapshot(), ids_of(observed_state))
            observed_state[resource] = observed
            seconds = self._clock.now() - began
            if observed and (why := not_ours(resource, observed)):
                raise why
            if observed and observed.failed and not (before and before.failed == observed.failed):
                raise failed_error(resource, observed)
            drift: frozenset[str] = frozenset()
            if observed and not observed.deleting:
                drift = drift_of(observed, resource.desired(ids_of(observed_state)))
                if not drift:
                    self._context.on_progress(resource, status_text(observed), seconds)
                    return observed
            waiting_for = observed.status if observed and not observed.ready else ""
            self._context.on_progress(resource, waiting_for or self._verb, seconds)
            if seconds >= resource.wait_timeout + CONSISTENCY_TIMEOUT + self._extra_time:
                raise timeout_error(resource, observed)
            if (observed and observed.deleting) or not self._send_missing(observed, drift):
                self._context.pause(seconds)

    def _send_missing(self, observed: Observed | None, drift: frozenset[str]) -> bool:
        """Send what is missing, unless it was sent already; returns whether AWS accepted a request."""
        resource, aws = self._resource, self._context.aws
        if observed is None:
            if self._created or self._clock.now() < self._missing_until:
                return False  # AWS lists new resources late: creating it again could make a second one
            return self._send(lambda: resource.create(aws, ids_of(self._observed_state)), None, create=True)
        if (drift, observed.step) == self._sent or (resource.update_when_ready and not observed.ready):
            return False
        if immutable := drift & resource.immutable:
            raise Blocked(
                f"{resource.key}: AWS cannot change {', '.join(sorted(immutable))} in place",
                fix=resource.remedy(observed, immutable) or IMMUTABLE_FIX,
            )
        if (drift, observed.step) != self._rejected:  # a part of the update has reached AWS
            self._first_rejected, self._first_lost, self._rejected = inf, inf, (drift, observed.step)
        sent = self._send(lambda: self._update(observed, drift), observed)
        self._sent = (drift, observed.step) if sent else None
        return sent

    def _update(self, observed: Observed, drift: frozenset[str]) -> None:
        """Set the tags and the fields in *drift*."""
        if observed.tagging and observed.tag_drift:
            observed.tagging.write(self._context.aws, {key: new for key, (_, new) in observed.tag_drift.items()})
        if fields := drift - {TAGS}:
            self._resource.update(self._context.aws, ids_of(self._observed_state), observed, fields)

    def _send(self, write: Callable[[], None], observed: Observed | None, create: bool = False) -> bool:
        """Write once; returns whether AWS accepted it.  A retryable error leaves it for the next turn."""
        if not self._created:  # the fields that a create leaves out were approved with it
            self._context.require_approval(plan_change(self._resource, observed, self._observed_state))
        self._context.ensure_lock()
        sent = self._clock.now()
        try:
            write()
        except RequestRejected as error:
            if not self._is_worth_another_try(error, sent, create):
                raise error.for_resource(self._resource.key) from None
            return False
        self._created, self._first_rejected, self._first_lost = self._created or create, inf, inf
        self._last_sent = self._clock.now()
        return True

    def _is_worth_another_try(self, error: RequestRejected, sent: float, create: bool) -> bool:
        """Whether to go on after an error, and from when on a create may be sent again.

        Args:
            sent: When the request was sent.
        """
        now, resource = self._clock.now(), self._resource
        if error.code == NO_RESPONSE:
            self._first_lost = min(self._first_lost, now)
            if create and not error.outcome_known:
                until = now + _LOST_RESPONSE
                if not resource.repeatable_create:
                    until = max(until, sent + _LATE_REQUEST + _LOST_RESPONSE)
                self._missing_until = max(self._missing_until, until)
                self._extra_time += until - now
            longest = LONGEST_OUTAGE if resource.repeatable_create else 3 * (_LATE_REQUEST + _LOST_RESPONSE)
            return now - self._first_lost < longest
        if not error.outcome_known:  # a server error: AWS has the request, and may have carried it out
            self._missing_until = max(self._missing_until, now + _LOST_RESPONSE)
        self._first_rejected = min(self._first_rejected, now)
        # After a lost response, e.g. "already exists" says that the request before was carried out late.
        retryable = error.retryable or resource.is_eventual(error.code, error.message) or self._extra_time > 0
        return retryable and now - self._first_rejected < resource.eventual_timeout
