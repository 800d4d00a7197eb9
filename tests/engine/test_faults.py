"""Runs under random faults converge, or stop with an operator's error and converge the next time.

A share of all calls fails: lost before or after AWS got it, refused for a moment, throttled, cut off, so late that the
client has given up, or answered with what was true five seconds ago.  `make test` takes a few seeds, `make test-all`
five hundred.
"""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from runbook_lib.errors import RunbookError
from runbook_lib.stacks.network import network
from tests.support.account_inventory import inventory
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs

NET = network(PARAMS)
PARTS = (NET.bucket, NET.vpc, NET.subnets + NET.gateway)
"""A bucket, a network and what is in it: with and without names, tokens, and updates after the create."""
CLIENT_TIMEOUT, PROXY_DELAY, STALE = 60, 85, 5


def refusal(call, code):
    error = f"<Error><Code>{code}</Code><Message>Because.</Message></Error>"
    body = error if call.name.startswith("s3.") else f"<Response><Errors>{error}</Errors></Response>"
    return answer(call, 503, body.encode())


def answer(call, status, body, headers=()):
    response = AWSResponse(call.url, status, dict(headers), None)
    response._content = body
    return response


class Faults:
    """Spoils a share of all calls.

    Args:
        share: Which share, from 0 to 1.
        time: When what is late arrives.
    """

    KINDS = ("before", "after", "unreachable", "503", "throttled", "truncated", "late", "stale")

    def __init__(self, seed, share, time):
        self.random, self.share, self.time = random.Random(seed), share, time
        self.late, self.answers, self.spoilt = [], {}, 0

    def __call__(self, call, carry):
        self.deliver(self.time.at)
        kind = self.random.choice(self.KINDS) if self.random.random() < self.share else ""
        self.spoilt += bool(kind)
        if kind == "before":
            raise ConnectionClosedError(endpoint_url=call.url)
        if kind == "unreachable":
            raise EndpointConnectionError(endpoint_url=call.url)
        if kind in ("503", "throttled"):
            return refusal(call, "InternalError" if kind == "503" else "RequestLimitExceeded")
        if kind == "late":
            self.late.append((self.time.at + PROXY_DELAY, carry))
            self.time.at += CLIENT_TIMEOUT
            raise ReadTimeoutError(endpoint_url=call.url)
        before, at = self.answers.get(call, (None, 0))
        if kind == "stale" and before and self.time.at - at < STALE:
            return before
        response = carry()
        if kind == "after":
            raise ConnectionClosedError(endpoint_url=call.url)
        if kind == "truncated" and response.content:
            return answer(
                call, response.status_code, response.content[: len(response.content) // 2], response.headers.items()
            )
        self.answers[call] = (response, self.time.at)
        return response

    def deliver(self, now):
        """Let arrive at AWS what is due."""
        due = [carry for at, carry in self.late if at <= now]
        self.late = [(at, carry) for at, carry in self.late if at > now]
        for carry in due:
            carry()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Let botocore repeat reads at once."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))


def carry_out(runs, step):
    """As an operator: again after an error, and the last time without faults."""
    for healthy in (False, False, True):
        try:
            if healthy:
                runs.wire.fault, runs.wire.read_fault = (lambda call, carry: carry()), None
            step(runs)
        except RunbookError:
            if healthy:
                raise
        else:
            return


def a_life(aws, folder, seed):
    """Build and remove the parts under faults; returns what was there when they were built."""
    runs = Runs(aws, folder, Wire())
    share = 0.05 + 0.15 * random.Random(seed).random()
    for step in (lambda runs: runs.build(*PARTS), lambda runs: runs.remove(*PARTS)):
        faults = Faults(seed, share, runs.time)
        runs.wire.fault = runs.wire.read_fault = faults
        carry_out(runs, step)
        runs.time.at += 10 * PROXY_DELAY
        runs.wire.fault, runs.wire.read_fault = (lambda call, carry: carry()), None
        yield inventory(aws)


def check_life(aws, folder, seed, undisturbed):
    assert tuple(a_life(aws, folder, seed)) == undisturbed, f"seed {seed}"


@pytest.fixture(scope="module")
def undisturbed(aws_server, tmp_path_factory):
    aws_server.reset()
    runs = Runs(aws_server, tmp_path_factory.mktemp("undisturbed"), Wire())
    runs.build(*PARTS)
    built = inventory(aws_server)
    runs.remove(*PARTS)
    return built, inventory(aws_server)


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_runs_under_random_faults(aws, tmp_path, undisturbed, seed):
    check_life(aws, tmp_path, seed, undisturbed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(100, 600))
def test_five_hundred_runs_under_random_faults(aws, tmp_path, undisturbed, seed):
    check_life(aws, tmp_path, seed, undisturbed)
