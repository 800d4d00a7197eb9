"""Times are sent as AWS sends them."""

import re

MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


def test_no_time_has_microseconds(aws):
    """One in a thousand times has none of its own, so several are looked at."""
    iam, bodies = aws.client("iam"), []
    iam.meta.events.register("after-call.iam", lambda http_response, **_: bodies.append(http_response.text))
    for number in range(3):
        iam.create_user(UserName=f"user-{number}")
    times = re.findall("<CreateDate>(.+?)</CreateDate>", "".join(bodies))
    assert len(times) == 3
    for time in times:
        assert MILLISECONDS.fullmatch(time), time
