"""The environment with which an application trusts the rehearsal's databases."""

import ssl
from pathlib import Path


def test_the_system_roots_stay_trusted(simulation):
    """Our authority is added to them."""
    assert set(simulation.report()["environment"]) == {"SSL_CERT_FILE"}
    roots = Path(simulation.report()["environment"]["SSL_CERT_FILE"]).read_text()
    assert simulation.report()["ca"] in roots
    usual = ssl.get_default_verify_paths().cafile
    assert not usual or Path(usual).read_text() in roots
