"""A real browser at the rehearsed site; its pictures are kept in build/screenshots/."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, sync_playwright

from tests.notebooks.operator import REPOSITORY
from tests.support.programs import find_program

PICTURES = REPOSITORY / "build" / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@contextmanager
def browser(site: dict[str, str], **context: object) -> Iterator[Page]:
    """A page that trusts the one key of this site beside what browsers trust."""
    chromium = find_program("chromium")
    own = f"--ignore-certificate-errors-spki-list={_pin(site['certificate'])}"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=[own, "--no-sandbox", "--disable-quic"])
        try:
            page = running.new_context(base_url=site["url"], **context).new_page()  # type: ignore[arg-type]
            page.set_default_timeout(30_000)
            yield page
        finally:
            running.close()


def picture(page: Page, name: str) -> Path:
    """Keep a picture of the whole page."""
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def barriers(page: Page) -> list[str]:
    """What axe finds that keeps people from using the page."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']} ({one['nodes'][0]['html']})" for one in found]


def _pin(certificate: str) -> str:
    key = x509.load_pem_x509_certificate(Path(certificate).read_bytes()).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()
