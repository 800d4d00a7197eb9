"""Run a Lambda function once, as the runtime does: `python function_bootstrap.py FOLDER HANDLER EVENT REQUEST_ID`.

It imports nothing of the embedded AWS. What the function writes is its log; it ends with 1 if the function raises.
https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace


def main() -> int:
    """Call the handler with the event; returns the exit code."""
    folder, handler, event, request_id = sys.argv[1:5]
    sys.path[0] = folder  # in place of this script's folder
    module, _, name = handler.rpartition(".")
    context = SimpleNamespace(aws_request_id=request_id, function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    try:
        getattr(importlib.import_module(module), name)(json.loads(Path(event).read_text(encoding="utf-8")), context)
    except Exception as error:  # noqa: BLE001 # whatever the function raises
        sys.stdout.write(f"[ERROR] {type(error).__name__}: {error}\n")
        traceback.print_exc(file=sys.stdout)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
