"""``python -m runbook_lib``: the command, where its script is not on the PATH."""

from .cli.main import main

main(prog_name="runbook")
