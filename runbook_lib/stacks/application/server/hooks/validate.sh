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

# After as many starts, systemd's own limit is reached: it will not answer by waiting longer.
ends_again() { [ "$(systemctl show --property NRestarts --value "$UNIT" 2>/dev/null || echo 0)" -ge 5 ]; }
decided() { answers || ends_again || systemctl --quiet is-failed "$UNIT"; }

# Where the unit's processes listen, e.g. on a port that is written in the application.
ports() {
    ss -Hltnp | while read -r _ _ _ address _ users; do
        for pid in $(echo "$users" | grep -o 'pid=[0-9]*' | cut -d= -f2); do
            case $(systemctl status "$pid" 2>/dev/null | head -n 1) in *"$UNIT"*) echo "${address##*:}"; break ;; esac
        done
    done | sort -un | tr '\n' ' '
}

mkdir -p "$RUN"
if ! wait_for 90 decided || ! answers; then
    last_words >&2
    if [ ! -e "$UNITS/$UNIT" ]; then fail "there is no $UNIT: the hooks of appspec.yml have to install and start it"; fi
    if ends_again; then fail "$UNIT ends again and again; its last words are above"; fi
    systemctl --quiet is-active "$UNIT" || fail "$UNIT does not run; its last words are above"
    found=$(ports)
    case " $found" in
        " ") fail "the application listens on no port; it has to listen on \$PORT, which is $PORT" ;;
        *" $PORT "*) ;;
        *) fail "the application listens on port ${found% }; it has to listen on \$PORT, which is $PORT" ;;
    esac
    fail "the application does not answer 200 at $HEALTH_PATH on port $PORT: $(cat "$RUN/answer")"
fi
listens || fail "port $PORT is answered by another process than those of $UNIT"
say "revision $(cat "$ARCHIVE/REVISION") answers at $HEALTH_PATH"
