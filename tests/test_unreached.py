"""Which lines the report of unreached lines looks at."""

from tests.unreached import lines_of

SOURCE = """
def numbers(give):
    if not give:
        raise ValueError(
            "nothing to give",
        )
    yield 1
    got = yield 2
    yield from ()
    return [raised for raised in ()]
"""


def test_each_raise_and_each_yield_is_looked_at():
    assert sorted(lines_of(SOURCE)) == [(4, 4), (7, 7), (8, 8), (9, 9)]
