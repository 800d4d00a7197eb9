"""One health check: a request to an instance's application, and what its answer means."""

from __future__ import annotations

import aiohttp

from embedded_aws.load_balancer.target import FAILED, HEALTHY, TIMEOUT, Check, Status, mismatch

# What the checks of an Application Load Balancer call themselves.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
AGENT = "ELB-HealthChecker/2.0"


async def ask(session: aiohttp.ClientSession, check: Check) -> Status:
    """Ask a target for its health once.

    A packet that no rule lets through gets no answer; here it is not waited for.
    """
    if not check.reachable:
        return TIMEOUT
    if check.port is None:
        return FAILED
    url, headers = f"http://127.0.0.1:{check.port}{check.path}", {"Host": check.host, "User-Agent": AGENT}
    limit = aiohttp.ClientTimeout(total=check.timeout)
    try:
        async with session.get(url, headers=headers, allow_redirects=False, timeout=limit) as answer:
            return HEALTHY if check.expects(answer.status) else mismatch(answer.status)
    except TimeoutError:
        return TIMEOUT
    except (aiohttp.ClientError, OSError, ValueError):
        return FAILED
