"""The ticker runs every item and every tick, even if some of them fail."""

from threading import RLock
from types import SimpleNamespace

from embedded_aws import ticker
from embedded_aws.ticker import Ticker, run_each


def thing(name, **more):
    return SimpleNamespace(name=name, **more)


def test_an_item_that_fails_does_not_stop_the_others(caplog):
    """Its error is logged when it begins to fail, and again when it fails after a recovery."""
    things, broken, done = [thing("first"), thing("second"), thing("third")], ["second"], []

    def deed(one):
        if one.name in broken:
            raise KeyError(one.name)
        done.append(one.name)
        return one.name == "third"

    assert [run_each(things, deed) for _ in range(20)] == [True] * 20
    assert done == ["first", "third"] * 20
    assert [record.getMessage().rpartition(" ")[2] for record in caplog.records] == ["second"]
    broken.clear()
    assert run_each(things[:2], deed) is False
    broken.append("second")
    run_each(things, deed)
    assert len(caplog.records) == 2


def test_what_was_deleted_while_it_failed_is_not_kept_for_ever(monkeypatch):
    """Each server that comes, fails and goes would leave an entry."""

    def deed(one):
        raise KeyError(one.name)

    monkeypatch.setattr(ticker, "_failing", {})
    things = [thing(str(number)) for number in range(3 * ticker.MAX_FAILING)]
    run_each(things, deed)
    assert len(ticker._failing) <= ticker.MAX_FAILING + 1


def test_items_in_tuples_are_distinguished(caplog):
    """By the identity of their parts."""
    group, instances = thing("web"), [thing("i-1"), thing("i-2")]

    def deed(pair):
        raise ValueError(pair[1].name)

    for _ in range(5):
        run_each([(group, instance) for instance in instances], deed)
    told = [record.getMessage().partition(" failed for ")[2] for record in caplog.records]
    assert told == ["web, i-1", "web, i-2"]


def test_a_tick_that_fails_does_not_stop_the_others(caplog):
    """It is logged by name, and not saved."""
    saved, ticked = [], []

    def fails():
        raise KeyError("tick")

    def ticks():
        ticked.append(1)
        return True

    ticker = Ticker(RLock(), [fails, ticks], lambda: saved.append(1))
    ticker.run_once()
    ticker.run_once()
    assert (len(ticked), len(saved)) == (2, 2)
    (record,) = caplog.records
    assert record.getMessage().endswith("<locals>.fails")
