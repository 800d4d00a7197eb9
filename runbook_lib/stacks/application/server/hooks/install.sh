#!/bin/sh
# Makes the virtual environment from the wheels in the bundle (no package index, no compiler), and a unit for each line
# of the Procfile.
set -eu
. "$(dirname "$0")/common.sh"

cmp -s "$ARCHIVE/REVISION" "$APP/REVISION" || fail "$APP does not hold this bundle: was it copied somewhere else?"

works() { "$1" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

make_venv() {
    python=
    for candidate in python3.11 python3.12 python3.13 python3; do
        if works "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "no Python 3.11 to 3.13 found: add python3.11 to app.packages"
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
            --no-index --no-deps --no-cache-dir --no-compile --require-hashes \
            --find-links "$APP/wheels" -r "$APP/requirements.txt"
        # On all processors, which pip does not; like pip, it leaves what has the syntax of another Python.
        "$venv/bin/python" -m compileall -qq -j 0 "$venv/lib" || true
        touch "$venv/complete"
    fi
    ln -sfn "venvs/$key" "$APP/venv"
    for other in "$APP/venvs"/*; do
        [ "$other" = "$venv" ] || { say "removing virtual environment $(basename "$other")"; rm -rf "$other"; }
    done
}

if [ -e "$APP/requirements.txt" ]; then make_venv; fi
if as_root; then chmod -R u+rwX,go+rX,go-w "$APP"; fi

wanted=
for process in $(processes); do
    unit=$(unit_of "$process")
    wanted="$wanted $unit"
    sed "s/@PROCESS@/$process/g" "$TOOLS/webapp.service" > "$UNITS/$unit"
done
systemctl daemon-reload
for unit in $wanted; do systemctl --quiet enable "$unit"; done
say "units:$wanted"
