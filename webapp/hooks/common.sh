# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# Where things are, and how to say, start, stop and ask: read by every hook.
# WEBAPP_ROOT (empty on an instance) puts everything under a folder, for an unprivileged user.

umask 022
ROOT=${WEBAPP_ROOT:-}
ARCHIVE=$(cd "$(dirname "$0")/.." && pwd)
APP=$ROOT/opt/webapp
ENV_FILE=$ROOT/etc/webapp/instance.env
UNIT=/etc/systemd/system/webapp.service
if [ -n "$ROOT" ]; then RUN=$ROOT/run; else RUN=$APP/run; fi
PID_FILE=$RUN/webapp.pid
LOG=$RUN/webapp.log
PYTHON=$APP/venv/bin/python

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }
fail() { say "$*" >&2; exit 1; }

# The instance's settings; what the environment says already counts more. Read, never executed.
load_settings() {
    [ -r "$ENV_FILE" ] || return 0
    while IFS='=' read -r name value || [ -n "$name" ]; do
        case $name in ''|[0-9]*|*[!A-Za-z0-9_]*) continue ;; esac
        case $value in \"*\") value=${value#\"}; value=${value%\"} ;; \'*\') value=${value#\'}; value=${value%\'} ;; esac
        eval "known=\${$name+known}"
        [ -n "$known" ] || export "$name=$value"
    done < "$ENV_FILE"
}

# systemd looks after the process where it runs and we may ask it to; elsewhere a pid file has to do.
with_systemd() { [ -z "$ROOT" ] && [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; }

# A pid alone proves nothing: after a reboot it may be somebody else's.
daemon_pid() {
    [ -s "$PID_FILE" ] || return 1
    pid=$(cat "$PID_FILE")
    case $(ps -o args= -p "$pid" 2>/dev/null) in *gunicorn*"$APP"*) echo "$pid" ;; *) return 1 ;; esac
}

running() { if with_systemd; then systemctl --quiet is-active webapp.service; else daemon_pid >/dev/null; fi; }

# Calls "$@" again and again until it succeeds; gives up after $1 seconds, however long each call takes: the agent's
# timeout would take our last words away.
wait_for() {
    deadline=$(($(date +%s) + $1)); shift
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 1
    done
}

# Open requests get gunicorn's graceful_timeout to finish; what is still there after that is killed.
stop_daemon() {
    pid=$(daemon_pid) || { say "nothing is running"; rm -f "$PID_FILE"; return 0; }
    say "stopping process $pid"
    kill -TERM "$pid"
    gone() { ! kill -0 "$pid" 2>/dev/null; }
    wait_for 15 gone || { say "still there: killing it"; kill -KILL "-$pid" 2>/dev/null || kill -KILL "$pid" || :; }
    rm -f "$PID_FILE"
}

stop_application() {
    if with_systemd; then
        if [ -e "$UNIT" ]; then say "stopping webapp.service"; systemctl stop webapp.service; else say "nothing to stop"; fi
    else
        stop_daemon
    fi
}

# The last words of the application, for CodeDeploy's log, which keeps little: no frames of a traceback, and of a long
# line the beginning and the end, where the error stands.
last_words() {
    if with_systemd; then journalctl --no-pager --output cat --lines 60 --unit webapp.service; else tail -n 60 "$LOG"; fi |
        sed -e '/^ /d' -e '/^Traceback/d' -e '/^During handling/d' -e '/^$/d' \
            -e 's/^\(.\{160\}\).*\(.\{240\}\)$/\1 ... \2/' | tail -n 20
}

load_settings
