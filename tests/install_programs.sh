#!/bin/sh
# Install what programs.txt lists and this machine lacks, where nobody has to be asked: by apt-get as root or with a sudo
# that wants no password, by Homebrew, and a browser by Playwright where no package has one.
# What is missing after that is printed, with the way to get it. Missing programs are no failure: their tests are skipped.
# PYTHON: the Python that make has found; empty when there is none with a venv module, which is then installed, too.
set -u
cd "$(dirname "$0")/.." || exit
PATH=$PATH:/usr/sbin:/usr/local/sbin:$PWD/.venv/bin

# Whether any of the programs is there, e.g. `have valkey-server,redis-server`.
have() {
    for program in $(echo "$1" | tr , ' '); do
        command -v "$program" >/dev/null && return 0
    done
    return 1
}

# Those of a column (1: names, 2: Debian's, 3: Homebrew's) that are missing, each once.
missing() {
    {
        test -n "${PYTHON-set}" || python3 -c 'import ensurepip, venv' 2>/dev/null ||
            printf '%s\n' 'python3-venv python3-venv python' | cut -d ' ' -f "$1"
        grep -v '^#' tests/programs.txt | while read -r names debian homebrew; do
            have "$names" || printf '%s\n' "$names $debian $homebrew" | cut -d ' ' -f "$1"
        done
    } | grep -vx -e - | sort -u | tr ',\n' '/ '
}

test -n "$(missing 1)" || exit 0
echo "Missing for the tests: $(missing 1)"

may_install=
if command -v apt-get >/dev/null; then
    as_root=
    test "$(id -u)" = 0 || as_root='sudo -n'
    if ${as_root:-true} true 2>/dev/null; then
        may_install=yes
        $as_root apt-get update -qq
        packages=
        for package in $(missing 2); do # Ubuntu has no chromium, and the others are installed all the same
            if apt-cache show "$package" >/dev/null 2>&1; then packages="$packages $package"; fi
        done
        if test -n "$packages"; then
            echo "apt-get install$packages"
            # shellcheck disable=SC2086 # words on purpose
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends $packages >/dev/null
        fi
    fi
elif command -v brew >/dev/null; then
    may_install=yes
    for package in $(missing 3); do
        brew install --quiet "$package"
    done
fi

if ! have "$(grep -o "^chromium[^ ]*" tests/programs.txt)" && have playwright; then
    echo "playwright install chromium"
    playwright install ${may_install:+--with-deps} chromium >/dev/null 2>&1 && where=$(.venv/bin/python -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)') &&
        printf '#!/bin/sh\nexec "%s" "$@"\n' "$where" >.venv/bin/chromium && chmod +x .venv/bin/chromium
fi

test -n "$(missing 1)" || exit 0
echo "Still missing: $(missing 1)"
echo "The tests that need them are skipped, each with its name. To get them:"
echo "  Debian, Ubuntu: sudo apt-get install --no-install-recommends $(missing 2)"
echo "  macOS:          brew install $(missing 3)"
echo "  a browser, where no package has one: .venv/bin/playwright install --with-deps chromium, then $0"
