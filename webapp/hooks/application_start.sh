#!/bin/sh
# Brings the database up to date (one instance at a time, by a lock in the database), then starts the application.
set -eu
. "$(dirname "$0")/common.sh"

cd "$APP"
"$PYTHON" -m shiftlog.prepare

if with_systemd; then
    say "starting webapp.service"
    systemctl --quiet enable webapp.service
    systemctl restart webapp.service
else
    stop_daemon
    mkdir -p "$RUN"
    say "starting a process of our own; it logs to $LOG"
    "$PYTHON" -m shiftlog.daemon "$LOG" "$PYTHON" -m gunicorn --config "$APP/gunicorn.conf.py" --pid "$PID_FILE" shiftlog.wsgi:app
fi

answers() { "$PYTHON" -m shiftlog.probe /healthz; }
wait_for 45 answers || { last_words >&2; fail "it does not answer at /healthz; its last words are above"; }
say "it answers"
