#!/bin/sh
# Pin everything, with hashes and without addresses, for Python 3.11 to 3.13 on any platform:
# run.txt for production, embedded.txt with the embedded AWS, test.txt and lab.txt with what tests and notebooks use,
# airflow.txt for an Airflow that runs a fleet.
# Extras stay in the names: pip 23.2, which comes with Python 3.11 and 3.12, calls `coverage[toml]` not pinned otherwise.
# Run it after changing dependencies; needs uv (https://docs.astral.sh/uv/). Its arguments are passed to uv.
set -eu
cd "$(dirname "$0")/.."
options=$*
lock() {
    out=$1 ours=$2; shift 2
    # shellcheck disable=SC2086 # words on purpose
    printf -- '--editable %s\n' $ours | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-strip-extras --no-emit-index-url --no-emit-package runbook-lib --no-emit-package embedded-aws --no-header \
        --output-file "requirements/$out" - requirements/build.in "$@" $options
}
lock run.txt .
lock embedded.txt ". ./embedded-aws" --constraint requirements/run.txt --constraint webapp/requirements.txt
lock test.txt ".[test] ./embedded-aws[testing]" webapp/requirements.in \
    --constraint requirements/embedded.txt --constraint webapp/requirements.txt
lock lab.txt ".[lab] ./embedded-aws" --constraint requirements/embedded.txt
lock airflow.txt ".[airflow] ./embedded-aws" --constraint requirements/embedded.txt
