"""Which security policies of a load balancer accept TLS 1.2 and 1.3 with current ciphers only."""

import pytest

from runbook_lib.stacks.checks.claims_of_servers import accepts_old_tls


@pytest.mark.parametrize(
    ("policy", "old"),
    [
        ("ELBSecurityPolicy-TLS13-1-2-2021-06", False),
        ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", False),
        ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", False),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", False),
        ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", False),
        ("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", True),
        ("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", True),
        ("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", True),
        ("ELBSecurityPolicy-TLS13-1-1-2021-06", True),
        ("ELBSecurityPolicy-TLS13-1-0-2021-06", True),
        ("ELBSecurityPolicy-2016-08", True),
        ("ELBSecurityPolicy-TLS-1-2-2017-01", True),
        ("ELBSecurityPolicy-FS-1-2-Res-2020-10", True),
    ],
)
def test_each_policy(policy, old):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""
    assert accepts_old_tls(policy) is old
