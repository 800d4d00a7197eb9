# shellcheck shell=sh disable=SC2034
# Where things are, and how to say, wait and fail: read by every hook.
# WEBAPP_ROOT is empty on a server; in the rehearsal it is the folder that stands for the server's disk.

umask 022
ROOT=${WEBAPP_ROOT:-}
ARCHIVE=$(cd "$(dirname "$0")/../.." && pwd)
APP=$ROOT/opt/webapp
TOOLS=$ROOT/opt/runbook
UNITS=$ROOT/etc/systemd/system
RUN=$ROOT/run/webapp
LOGS=$ROOT/var/log/webapp
STATE=$ROOT/var/lib/webapp
ENVIRONMENT=$RUN/environment
UNIT=webapp.service

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }
fail() { say "$*" >&2; exit 1; }
# Whether this is a server, where hooks run as root; the rehearsal changes no user and no owner of the machine.
as_root() { [ -z "$ROOT" ] && [ "$(id -u)" = 0 ]; }

# The server's settings, and what its processes get; both files are the runbook's own.
load_settings() {
    set -a
    # shellcheck disable=SC1091
    . "$ROOT/etc/webapp/instance.env"
    # shellcheck disable=SC1090
    if [ -r "$ENVIRONMENT" ]; then . "$ENVIRONMENT"; fi
    set +a
}

# The names of the Procfile's processes, without its release line.
processes() { sed -n 's/^\([A-Za-z0-9_-]\{1,\}\):.*/\1/p' "$APP/Procfile" | grep -vx release; }

# The unit of a process: webapp.service is the web process.
unit_of() { if [ "$1" = web ]; then echo "$UNIT"; else echo "webapp-$1.service"; fi; }

# The units of an earlier Procfile, too.
installed_units() { for path in "$UNITS/$UNIT" "$UNITS"/webapp-*.service; do
    case $path in */webapp-environment.service) ;; *) [ ! -e "$path" ] || basename "$path" ;; esac; done; }

# Calls "$@" again and again until it succeeds; gives up after $1 seconds.
wait_for() {
    deadline=$(($(date +%s) + $1)); shift
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.5
    done
}

# The lines of the web process since prepare.sh: those of an earlier revision would mislead.
new_lines() {
    before=$(cat "$RUN/logged" 2>/dev/null || echo 0)
    [ "$(wc -c < "$LOGS/web.log")" -ge "$before" ] || before=0  # the file was emptied since
    tail -c "+$((before + 1))" "$LOGS/web.log"
}

# What the web process wrote last, for CodeDeploy's log, which keeps little: no frames of a traceback, and of a long
# line the beginning and the end, where the error stands.
last_words() {
    { if grep -qs /var/log/webapp/web.log "$UNITS/$UNIT" && [ -e "$LOGS/web.log" ]; then new_lines | tail -n 60; else
        journalctl --no-pager --output cat --lines 60 --unit "$UNIT"; fi; } 2>&1 |
        sed -e '/^ /d' -e '/^Traceback/d' -e '/^During handling/d' -e '/^$/d' \
            -e 's/^\(.\{160\}\).*\(.\{240\}\)$/\1 ... \2/' | tail -n 20
}
