#!/bin/sh
# Runs the Procfile's release line, once for a deployment, then starts its processes.
set -eu
. "$(dirname "$0")/common.sh"
load_settings

release=$(sed -n 's/^release:[[:space:]]*//p' "$APP/Procfile")
if [ -n "$release" ]; then
    say "running the release line, on one server of this deployment"
    # As the user of the processes: hooks run as root.
    if as_root; then set -- runuser -u webapp --; fi
    python3 "$TOOLS/tools.py" once "$@" "$TOOLS/run" release
fi
for process in $(processes); do
    unit=$(unit_of "$process")
    say "starting $unit"
    # A release that ended again and again has used up the starts that systemd allows.
    systemctl reset-failed "$unit" 2>/dev/null || :
    systemctl restart "$unit" || { last_words >&2; fail "$unit does not start; its last words are above"; }
done
