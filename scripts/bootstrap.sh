#!/bin/sh
# Make .venv hold what requirements.txt (run) or requirements-dev.txt (dev) locks, and the majordomo
# command. `train` adds torch to dev. Does nothing, in milliseconds, when all of it is there.
#
#   sh scripts/bootstrap.sh run|dev|train        PYTHON=... chooses the interpreter
set -eu
cd "$(dirname "$0")/.."

want=${1:-run}
case $want in
    run) requirements=requirements.txt ;;
    dev | train) requirements=requirements-dev.txt ;;
    *) echo "usage: bootstrap.sh run|dev|train" >&2; exit 2 ;;
esac

die() { printf '%s\n' "$@" >&2; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11 or newer."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if new_enough "$candidate"; then printf '%s\n' "$candidate"; return; fi
    done
    die "Majordomo needs Python 3.11 or newer, and found none." \
        "  Debian, Ubuntu:  apt install python3 python3-venv" \
        "  macOS:           brew install python@3.13" \
        "Or name one:  make run PYTHON=/path/to/python3"
}

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input -qq "$@"; }

# A stamp says what is installed: the locked files, the package's own metadata, and where it lives.
fingerprint() { cat "$@" pyproject.toml scripts/bootstrap.sh | cksum; pwd; }
installed() { [ -f ".venv/.installed-$1" ] && [ "$(cat ".venv/.installed-$1")" = "$2" ]; }
stamp() { printf '%s\n' "$2" > ".venv/.installed-$1"; }

run=$(fingerprint requirements.txt)
dev=$(fingerprint requirements-dev.txt)
train=$(fingerprint requirements-dev.txt requirements-train.txt)

if ! { [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version) ..."
    rm -rf .venv
    "$python" -m venv .venv || {
        rm -rf .venv
        die "$python cannot make virtual environments." \
            "  Debian, Ubuntu:  apt install python3-venv     then try again"
    }
fi

# What development installs contains what running needs.
if ! installed dev "$dev" && { [ "$want" != run ] || ! installed run "$run"; }; then
    echo "Installing $requirements (once; later this is skipped) ..."
    rm -f .venv/.installed-*
    pip install --require-hashes -r "$requirements"
    pip install --no-build-isolation --no-deps -e .
    if [ "$want" = run ]; then stamp run "$run"; else stamp dev "$dev"; fi
fi

if [ "$want" = train ] && ! installed train "$train"; then
    echo "Installing requirements-train.txt (once; later this is skipped) ..."
    pip install -r requirements-train.txt
    stamp train "$train"
fi
