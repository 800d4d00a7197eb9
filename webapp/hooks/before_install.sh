#!/bin/sh
# Clears the ground: nothing runs, and no file of an older revision stays behind.
set -eu
. "$(dirname "$0")/common.sh"

mkdir -p "$APP" "$RUN" || fail "cannot write to $APP: run the agent as root, or set WEBAPP_ROOT to a folder of your own"
[ -w "$APP" ] || fail "cannot write to $APP: run the agent as root, or set WEBAPP_ROOT to a folder of your own"
stop_application

say "clearing $APP (virtual environments stay: they are reused while the lock is the same)"
for path in "$APP"/* "$APP"/.[!.]*; do
    case $path in "$APP/venvs"|"$APP/run") continue ;; esac
    rm -rf "$path"
done
