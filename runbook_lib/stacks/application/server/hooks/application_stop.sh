#!/bin/sh
# Stops the revision before. CodeDeploy runs this from the *old* bundle: if it failed, no new one could ever come.
set -eu
. "$(dirname "$0")/common.sh"

for unit in $(installed_units); do
    say "stopping $unit"
    systemctl stop "$unit" || say "could not stop it; BeforeInstall of the new revision tries again" >&2
done
