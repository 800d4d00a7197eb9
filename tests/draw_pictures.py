"""Draw the pictures of the README from the evidence of two runs: a plan and an apply.

python -m tests.draw_pictures artifacts/local/PLAN_RUN artifacts/local/APPLY_RUN
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support.programs import find_program

DOCS = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH = 900


def draw(plan: Path, apply: Path) -> None:
    """Draw the plan of the network as its notebook shows it, the first screen of the report, and the topology."""
    DOCS.mkdir(exist_ok=True)
    shutil.copyfile(apply / "topology.svg", DOCS / "topology.svg")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
        try:
            _photograph(browser, apply / "report.html", "report.png", "header", "nav")
            _photograph(
                browser, plan / "01_network.html", "plan.png", ".jp-Cell:has(#See-the-whole-plan)", ".jp-CodeCell"
            )
        finally:
            browser.close()


def _photograph(browser: Browser, source: Path, name: str, first: str, last: str) -> None:
    """Keep a picture from the top of one element of a page to the bottom of the next one that matches *last*."""
    page = browser.new_context(offline=True, viewport={"width": WIDTH, "height": 900}).new_page()
    page.goto(source.resolve().as_uri())
    # JupyterLab's page fills the window in some versions; the picture needs its full length.
    top, bottom = page.evaluate(
        """([first, last]) => {
          const a = document.querySelector(first)
          const b = [...document.querySelectorAll(last)].find(
            one => a.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING)
          return [a.getBoundingClientRect().top, b.getBoundingClientRect().bottom]
        }""",
        [first, last],
    )
    clip = {"x": 0, "y": max(top, 0), "width": WIDTH, "height": bottom - max(top, 0)}
    page.screenshot(path=DOCS / name, full_page=True, clip=clip)  # type: ignore[arg-type]


if __name__ == "__main__":
    draw(*map(Path, sys.argv[1:]))
