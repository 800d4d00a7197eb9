"""Print the JSON schema of a parameter file, for editors: ``python -m runbook_lib.params.schema``."""

from __future__ import annotations

import json
import sys

from .model import Params


def json_schema() -> str:
    """Return the contents of ``params/schema.json``."""
    return json.dumps(Params.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
