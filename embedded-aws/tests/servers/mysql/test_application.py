"""What the application's process is given, so that it trusts the rehearsal's databases and everybody else as before."""

import ssl
from pathlib import Path


def test_the_machine_trusts_whom_it_trusted_before(simulation):
    """Our authority comes on top, and vouches for this machine only."""
    assert set(simulation.told()["environment"]) == {"SSL_CERT_FILE"}
    roots = Path(simulation.told()["environment"]["SSL_CERT_FILE"]).read_text()
    assert simulation.told()["ca"] in roots
    usual = ssl.get_default_verify_paths().cafile
    assert not usual or Path(usual).read_text() in roots
