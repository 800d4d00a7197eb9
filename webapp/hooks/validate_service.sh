#!/bin/sh
# Says yes only when everything behind the page works, and the process that answers is the one just deployed.
set -eu
. "$(dirname "$0")/common.sh"

cd "$APP"
ready() { "$PYTHON" -m shiftlog.probe /readyz; }
current() { "$PYTHON" -m shiftlog.probe /version "$ARCHIVE/REVISION"; }
wait_for 60 ready || { last_words >&2; fail "it is not ready; /readyz says why, above"; }
wait_for 10 current || fail "another revision answers than the one deployed"
say "revision $(cat "$ARCHIVE/REVISION") is ready"
