#!/bin/sh
# Makes the virtual environment .venv with everything that LIBERO needs and evalharness itself, as an editable install.
# Can be run again at any time; installs exactly the pins of requirements/*.lock, checked by their hashes.
#   PYTHON=python3.12 scripts/setup.sh
set -eu
cd -P "$(dirname "$0")/.."
venv=.venv

say() { printf '%s\n' "setup: $*"; }
fail() {
    say "$*" >&2
    exit 1
}
suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1; }

# A name that is there need not run (pyenv's shims), so every candidate is tried.
find_python() {
    for python in ${PYTHON:-python3 python3.11 python3.12}; do
        if suits "$python"; then
            printf '%s\n' "$python"
            return
        fi
    done
    fail "none of these is Python 3.11 or 3.12: ${PYTHON:-python3, python3.11, python3.12}. Name one: make setup PYTHON=..."
}

make_venv() {
    # The scripts of an environment hold its folder, so that one which was moved or copied has to be made again.
    if suits $venv/bin/python && grep -qsF "$PWD/$venv" $venv/bin/activate; then
        return
    fi
    python=$(find_python)
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear $venv ||
        fail "$python cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"
}

install() {
    say "installing $1"
    shift
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps "$@" ||
        fail "pip failed. Without internet access see docs/installation.md; running this again goes on."
}

make_venv
install "the build tools" --require-hashes -r requirements/build.lock
install "the simulator and its libraries (about 450 MB to download)" --no-build-isolation --require-hashes \
    -r requirements/libero.lock
install "evalharness" --no-build-isolation --editable .
say "done: $venv/bin/evalharness --help"
