"""Run one health check: a request to an instance's application."""

from __future__ import annotations

import aiohttp

from embedded_aws.load_balancer.target import FAILED, HEALTHY, TIMEOUT, Check, Status, code_mismatch

# The User-Agent of an Application Load Balancer's health checks.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
AGENT = "ELB-HealthChecker/2.0"


async def run_check(session: aiohttp.ClientSession, check: Check) -> Status:
    """Check a target's health once.

    Without a security group rule that lets the packet through there is no response; the timeout is not waited for.
    """
    if not check.reachable:
        return TIMEOUT
    if check.port is None:
        return FAILED
    url, headers = f"http://127.0.0.1:{check.port}{check.path}", {"Host": check.host, "User-Agent": AGENT}
    limit = aiohttp.ClientTimeout(total=check.timeout)
    try:
        async with session.get(url, headers=headers, allow_redirects=False, timeout=limit) as response:
            return HEALTHY if check.expects(response.status) else code_mismatch(response.status)
    except TimeoutError:
        return TIMEOUT
    except (aiohttp.ClientError, OSError, ValueError):
        return FAILED
