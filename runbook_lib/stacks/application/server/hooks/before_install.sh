#!/bin/sh
# Clears the ground: nothing runs, and no file of an older revision stays behind.
set -eu
. "$(dirname "$0")/common.sh"

for unit in $(installed_units); do systemctl stop "$unit"; done
mkdir -p "$APP"
say "clearing $APP (virtual environments stay: they are reused while the lock is the same)"
for path in "$APP"/* "$APP"/.[!.]*; do
    case $path in "$APP/venvs") continue ;; esac
    rm -rf "$path"
done
