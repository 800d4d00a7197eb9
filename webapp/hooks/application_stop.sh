#!/bin/sh
# Stops the revision before. CodeDeploy runs this from the *old* bundle: if it failed, no new one could ever come.
set -eu
. "$(dirname "$0")/common.sh"

stop_application || say "could not stop it cleanly; BeforeInstall of the new revision tries again" >&2
