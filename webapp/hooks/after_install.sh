#!/bin/sh
# Makes the virtual environment from the wheels in the bundle: no package index, no compiler.
set -eu
. "$(dirname "$0")/common.sh"

cmp -s "$ARCHIVE/REVISION" "$APP/REVISION" || fail "$APP does not hold this bundle: was it copied somewhere else?"

works() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
python=
for candidate in ${WEBAPP_PYTHON:+"$WEBAPP_PYTHON"} python3.11 python3.12 python3.13; do
    if works "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || fail "no Python 3.11 to 3.13 with venv found: install python3.11, or set WEBAPP_PYTHON"

# One environment per lock and interpreter, so that a redeployment of the same lock takes no time.
key=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read() + sys.version.encode()).hexdigest()[:16])' "$APP/requirements.txt")
venv=$APP/venvs/$key
if [ -e "$venv/complete" ]; then
    say "virtual environment $key is there already"
else
    say "making virtual environment $key with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    PIP_CONFIG_FILE=/dev/null "$venv/bin/python" -m pip --isolated --disable-pip-version-check install --quiet \
        --no-index --no-deps --no-cache-dir --require-hashes --find-links "$APP/wheels" -r "$APP/requirements.txt"
    touch "$venv/complete"
fi
ln -sfn "venvs/$key" "$APP/venv"
for other in "$APP/venvs"/*; do
    [ "$other" = "$venv" ] || { say "removing virtual environment $(basename "$other")"; rm -rf "$other"; }
done

if with_systemd; then
    id webapp >/dev/null 2>&1 || { say "adding the system user webapp"; useradd --system --no-create-home --shell /sbin/nologin webapp; }
    chmod -R u+rwX,go+rX,go-w "$APP"
    cmp -s "$APP/hooks/webapp.service" "$UNIT" || { say "installing $UNIT"; install -m 0644 "$APP/hooks/webapp.service" "$UNIT"; }
    systemctl daemon-reload
fi
say "done"
