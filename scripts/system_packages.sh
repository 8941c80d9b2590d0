#!/bin/sh
# Sees to it that MuJoCo can draw: tries EGL and OSMesa, and installs Debian's packages for what does not work, where this
# user may. Otherwise says what to ask for. Needs .venv. Exit status 0 when both draw, 1 when only one does or none.
#   SYSTEM_PACKAGES=no scripts/system_packages.sh    installs nothing
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*"; }
draws() {
    .venv/bin/python -c 'import sys; from harness.envs.gl import GLInfo, try_backend
sys.exit(not isinstance(try_backend(sys.argv[1]), GLInfo))' "$1" </dev/null
}

# What EGL and OSMesa need to draw in software, with Debian 12's and Ubuntu 22.04's names.
missing_packages() {
    draws egl || printf 'libegl1 libgl1 libgl1-mesa-dri '
    draws osmesa || printf 'libosmesa6 '
}

# Prints how to become root; fails where this user cannot without a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        echo "sudo -n env"
    else
        return 1
    fi
}

install_packages() {
    [ "${SYSTEM_PACKAGES:-yes}" != no ] && command -v apt-get >/dev/null 2>&1 && root=$(as_root) || return 1
    say "installing $*"
    # The package lists of a fresh container are empty, which is why they are fetched first.
    $root apt-get -qq update </dev/null &&
        $root DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" </dev/null >/dev/null
}

packages=$(missing_packages)
[ -z "$packages" ] && exit 0
# Unquoted: one word a package.
if install_packages $packages; then
    packages=$(missing_packages)
    [ -z "$packages" ] && exit 0
fi
if draws egl || draws osmesa; then
    say "note: pictures can be drawn here, but not in every way. For the rest ask an administrator for:"
else
    say "WARNING: no picture can be drawn here, so that LIBERO cannot run. Ask an administrator for:"
fi
say "    apt-get install $packages"
say "\`.venv/bin/evalharness doctor\` says what each way of drawing complains about."
exit 1
