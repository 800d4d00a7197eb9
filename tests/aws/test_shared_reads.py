"""Notebooks of one run that only read share AWS's answers, for seconds, and learn the secrets in them."""

import multiprocessing
import threading
import time
from datetime import UTC, datetime

import pytest

from embedded_aws.testing import eventually
from runbook_lib.aws import shared_reads
from runbook_lib.aws.shared_reads import Reads, SharedReads, keep

CALL = ("ec2", "describe_vpcs", "[]")
ANSWER = {"Vpcs": [{"VpcId": "vpc-1", "Made": datetime(2026, 1, 1, tzinfo=UTC)}]}


@pytest.fixture
def told():
    with keep() as told:
        yield told


class Aws:
    """Counts what it is asked."""

    def __init__(self, answer=ANSWER):
        self.asked, self.answer = 0, answer

    def __call__(self):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def reader(told, scope="one", learn=lambda answer: None):
    return SharedReads(told, scope, learn)


def test_a_process_alone_asks_each_time():
    aws, reads = Aws(), Reads()
    assert [reads.read(CALL, aws) for _ in range(2)] == [ANSWER, ANSWER]
    reads.expire()
    assert aws.asked == 2


def test_what_one_has_been_told_the_next_is_told_too(told):
    aws, learned = Aws(), []
    assert reader(told).read(CALL, aws) == ANSWER
    assert reader(told, learn=learned.append).read(CALL, aws) == ANSWER
    assert aws.asked == 1
    assert learned == [ANSWER], "it may hold a secret that must not be shown"


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_an_answer_that_says_nothing_is_one(told, nothing):
    aws = Aws(nothing)
    assert [reader(told).read(CALL, aws) for _ in range(2)] == [nothing, nothing]
    assert aws.asked == 1


def test_another_call_and_another_account_have_answers_of_their_own(told):
    aws = Aws()
    reader(told).read(CALL, aws)
    reader(told).read((*CALL, "more"), aws)
    reader(told, scope="other").read(CALL, aws)
    assert aws.asked == 3


def test_of_those_who_ask_at_once_the_first_asks_aws(told):
    """The others wait for its answer, and those who ask something else do not."""
    began, go = threading.Event(), threading.Event()
    aws, results = Aws(), []

    def slow():
        began.set()
        assert go.wait(30)
        return aws()

    threads = [threading.Thread(target=lambda: results.append(reader(told).read(CALL, slow))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert began.wait(30)
    assert reader(told).read(("s3",), Aws("other")) == "other"
    assert results == []
    go.set()
    for thread in threads:
        thread.join(30)
    assert results == [ANSWER] * 5
    assert aws.asked == 1


def test_a_refusal_is_not_shared(told):
    with pytest.raises(ValueError, match="refused"):
        reader(told).read(CALL, Aws(ValueError("refused")))
    aws = Aws()
    assert reader(told).read(CALL, aws) == ANSWER
    assert aws.asked == 1


def test_one_reader_goes_on_after_a_refusal(told):
    reads, aws = reader(told), Aws()
    with pytest.raises(ValueError, match="refused"):
        reads.read(CALL, Aws(ValueError("refused")))
    assert [reads.read(CALL, aws) for _ in range(2)] == [ANSWER, ANSWER]
    assert aws.asked == 1


def _die(told, began):
    def send():
        began.set()
        time.sleep(60)

    SharedReads(told, "one", lambda answer: None).read(CALL, send)


def test_who_dies_while_it_asks_keeps_nobody_waiting(told):
    context = multiprocessing.get_context("spawn")
    began = context.Event()
    asking = context.Process(target=_die, args=(told, began))
    asking.start()
    assert began.wait(60)
    results = []
    waiting = threading.Thread(target=lambda: results.append(reader(told).read(CALL, Aws())))
    waiting.start()
    asking.kill()
    waiting.join(30)
    asking.join(30)
    assert results == [ANSWER]


def test_an_answer_is_shared_for_seconds_only(told, monkeypatch):
    aws = Aws()
    reader(told).read(CALL, aws)
    monkeypatch.setattr(shared_reads, "LONGEST_AGE", 0.0)
    reader(told).read(CALL, aws)
    assert aws.asked == 2


def test_who_has_waited_takes_no_answer_from_before(told):
    reads, aws = reader(told), Aws()
    reads.read(CALL, aws)
    reads.expire()
    reads.read(CALL, aws)
    reads.read(CALL, aws)
    assert aws.asked == 2, "what was asked after the wait is shared again"


def test_without_its_runner_a_notebook_asks_itself():
    with keep() as told:
        reads, aws = reader(told), Aws()
        reads.read(CALL, aws)
    eventually(lambda: reader(told).read(CALL, aws) == ANSWER and aws.asked > 1)


def test_who_does_not_know_the_key_is_told_nothing(told):
    reader(told).read(CALL, Aws())
    address, _, key = told.rpartition("#")
    stranger, aws = SharedReads(f"{address}#{'0' * len(key)}", "one", lambda answer: None), Aws("own")
    with pytest.raises(multiprocessing.AuthenticationError):
        stranger.read(CALL, aws)
    assert reader(told).read(CALL, aws) == ANSWER, "and the others go on"
