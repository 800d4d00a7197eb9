"""Put the files that `runbook init` writes into the wheel. They are in git once: the checkout's own."""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CHECKOUT = Path(__file__).parent


class BuildWithProject(build_py):
    """Copies them below the package; an editable installation reads the checkout."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if self.editable_mode:
            return
        project = runpy.run_path(str(CHECKOUT / "runbook_lib" / "cli" / "project_files.py"))
        target = Path(self.build_lib, "runbook_lib", project["INSTALLED"])
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        for name, source in project["find_in_checkout"](CHECKOUT).items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


setup(cmdclass={"build_py": BuildWithProject})
