#!/bin/sh
# Gives the application what it is promised: its user, its database user, its environment. The placeholder ends here:
# from now on only the application answers.
set -eu
. "$(dirname "$0")/common.sh"

systemctl stop placeholder.service
load_settings
if as_root; then
    id webapp >/dev/null 2>&1 || { say "adding the system user webapp"
        useradd --system --no-create-home --home-dir /var/lib/webapp --shell /sbin/nologin webapp; }
fi
mkdir -p "$UNITS" "$LOGS" "$STATE" "$RUN"
# Units of an earlier Procfile go, also when an appspec.yml takes its place; install.sh makes those of this one.
for unit in $(installed_units); do
    grep -q '^ExecStart=/opt/runbook/run ' "$UNITS/$unit" || continue
    systemctl --quiet disable --now "$unit"
    rm -f "$UNITS/$unit"
done
if [ -e "$LOGS/web.log" ]; then wc -c < "$LOGS/web.log" > "$RUN/logged"; fi
cp "$ARCHIVE/REVISION" "$TOOLS/REVISION"
install -m 0644 "$TOOLS/webapp-environment.service" "$UNITS/"
systemctl daemon-reload
systemctl enable webapp-environment.service
say "writing the application's environment"
systemctl restart webapp-environment.service || {
    journalctl --no-pager --output cat --lines 20 --unit webapp-environment.service >&2
    fail "the application's environment could not be written: the reason is above"; }
load_settings
python3 "$TOOLS/tools.py" database-user
if as_root; then chown -R webapp: "$STATE"; fi
