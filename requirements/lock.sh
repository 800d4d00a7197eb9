#!/bin/sh
# Pin everything, with hashes and without addresses, for Python 3.11 to 3.13 on any platform.
# Run it after changing dependencies; needs uv (https://docs.astral.sh/uv/).
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1; shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
        --output-file "requirements/$out" pyproject.toml requirements/build.in "$@"
}
lock run.txt "$@"
lock test.txt --extra test webapp/requirements.in --constraint requirements/run.txt --constraint webapp/requirements.txt
lock lab.txt --extra lab --constraint requirements/run.txt
