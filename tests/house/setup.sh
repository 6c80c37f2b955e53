# SPDX-License-Identifier: Apache-2.0
# Sourced by ./run and ./test: everything between a fresh Debian and a finished build.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1  # tests run as root must leave nothing of root's in the tree

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "$*: needs root, and there is no sudo; run this command as root" >&2
    return 1
  fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >>build/packages.log 2>&1; }

# Installs what debian/control names, again whenever it has changed.
install_packages() {
  [ build/packages.stamp -nt debian/control ] && return
  mkdir -p build
  echo "installing the packages that debian/control names (log: build/packages.log)"
  : >build/packages.log
  # The package lists may be fresh enough already, and updating needs the network.
  apt_get build-dep --no-install-recommends -y ./ ||
    { apt_get update && apt_get build-dep --no-install-recommends -y ./; } ||
    { tail -20 build/packages.log >&2; return 1; }
  touch build/packages.stamp
}

# build PRESET [TARGET...]: configures when needed, then builds. Quiet unless it fails.
build() {
  local preset=$1
  shift
  install_packages
  [ "build/$preset/build.ninja" -nt CMakePresets.json ] || cmake --preset "$preset"
  ninja -C "build/$preset" --quiet "$@"
}
