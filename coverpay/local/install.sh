#!/bin/bash
# Make .venv in the current folder and install pinned requirements into it: install.sh LOCK_FILE...
# What is already installed (a stamp names the content of the lock file and this folder) is left alone.
# `install.sh --chromium` instead makes sure that Debian's chromium is there, for the browser tests.
set -euo pipefail

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

debian_install() { # PACKAGE WHAT_FOR
    [ "$(id -u)" = 0 ] || die "The Debian package $1 is missing ($2)." "Install it as root: apt-get install $1"
    command -v apt-get >/dev/null || die "The package $1 is missing ($2) and this is not Debian. Install it, then try again."
    echo "Installing the Debian package $1 ($2) ..."
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$1" >/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "CoverPay needs Python 3.11 or later, and found none. On Debian: apt-get install python3 python3-venv"
}

make_venv() {
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        debian_install python3-venv "Python's own way to make a virtual environment"
    fi
    echo "Making .venv with $("$python" -V) ..."
    rm -rf .venv
    "$python" -m venv .venv
}

stamp_of() { # LOCK_FILE
    printf '.venv/installed-%s' "$( (pwd; cat "$1") | sha256sum | cut -c1-20)"
}

if [ "$1" = --chromium ]; then
    command -v chromium >/dev/null || debian_install chromium "the browser tests need it"
    exit
fi

# Two makes at once must not install into each other's half-made environment.
exec 9>".venv.lock"
command -v flock >/dev/null && flock 9

for lock_file in "$@"; do
    stamp=$(stamp_of "$lock_file")
    [ -e "$stamp" ] && .venv/bin/python -c '' 2>/dev/null && continue
    if ! .venv/bin/python -c 'import pip' 2>/dev/null || ! grep -qsxF "$PWD" .venv/folder; then
        make_venv
        pwd >.venv/folder
    fi
    echo "Installing $lock_file ..."
    .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: --no-deps --requirement "$lock_file"
    touch "$stamp"
done
