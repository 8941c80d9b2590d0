#!/bin/sh
# Writes requirements/*.lock from pyproject.toml and requirements/*.in. Pins that are there already are kept.
#   scripts/lock.sh [--upgrade]
set -eu
cd "$(dirname "$0")/.."
upgrade=${1:-}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv==0.13.8

# --universal with the fewest forks: one pin for every Python that pyproject.toml allows, wherever there is one.
compile() {
    "$folder/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --custom-compile-command "make lock" ${upgrade:+"$upgrade"} "$@" >/dev/null
}

compile -o requirements/build.lock requirements/build.in
compile -o requirements/libero.lock -c requirements/build.lock \
    --excludes requirements/libero.exclude --extra libero --extra piper --extra datasets pyproject.toml requirements/libero.in
compile -o requirements/dev.lock -c requirements/build.lock -c requirements/libero.lock \
    --group dev
