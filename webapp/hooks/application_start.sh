#!/bin/sh
# Brings the database up to date (one instance at a time, by a lock in the database), then starts the application.
set -eu
. "$(dirname "$0")/common.sh"

cd "$APP"
"$PYTHON" -m shiftlog.prepare

if with_systemd; then
    say "starting webapp.service"
    systemctl --quiet enable webapp.service
    systemctl restart webapp.service || { last_words >&2; fail "it does not start; its last words are above"; }
else
    stop_daemon
    mkdir -p "$RUN"
    say "starting a process of our own; it logs to $LOG"
    "$PYTHON" -m shiftlog.daemon "$PID_FILE" "$LOG" "$PYTHON" -m gunicorn --config "$APP/gunicorn.conf.py" shiftlog.wsgi:app
fi

# Whoever has ended will not answer: there is nothing more to wait for.
settled() { "$PYTHON" -m shiftlog.probe /healthz || ! running; }
wait_for 45 settled || { last_words >&2; fail "it does not answer at /healthz; its last words are above"; }
running || { last_words >&2; fail "it has ended; its last words are above"; }
say "it answers"
