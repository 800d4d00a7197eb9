#!/bin/sh
# Says yes only when the application answers at its health path, by the process that webapp.service started.
set -eu
. "$(dirname "$0")/common.sh"
load_settings

answers() { systemctl --quiet is-active "$UNIT" && python3 "$TOOLS/tools.py" probe "http://127.0.0.1:$PORT$HEALTH_PATH" 2>"$RUN/answer"; }

# The process that listens on the port belongs to the unit: not a leftover, and nobody else.
listens() {
    for pid in $(ss -Hltnp "sport = :$PORT" | grep -o 'pid=[0-9]*' | cut -d= -f2); do
        case $(systemctl status "$pid" 2>/dev/null | head -n 1) in *"$UNIT"*) return 0 ;; esac
    done
    return 1
}

mkdir -p "$RUN"
if ! wait_for 90 answers; then
    last_words >&2
    if [ ! -e "$UNITS/$UNIT" ]; then fail "there is no $UNIT: the hooks of appspec.yml have to install and start it"; fi
    systemctl --quiet is-active "$UNIT" || fail "$UNIT does not run; its last words are above"
    fail "the application does not answer 200 at $HEALTH_PATH on port $PORT: $(cat "$RUN/answer")"
fi
listens || fail "port $PORT is answered by another process than those of $UNIT"
say "revision $(cat "$ARCHIVE/REVISION") answers at $HEALTH_PATH"
