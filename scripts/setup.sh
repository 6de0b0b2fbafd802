# Sourced by the other scripts: where things are, packages, build. Installs only what is missing, so that a machine that has
# everything needs no network.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }

# install_packages KIND...: the Debian packages of these kinds (scripts/packages.txt) that are not installed yet.
install_packages() {
  local missing=() kind package
  while read -r kind package; do
    [[ -z $kind || $kind == \#* ]] && continue
    [[ " $* " == *" $kind "* ]] || continue
    [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
  done < scripts/packages.txt
  if ((${#missing[@]} == 0)); then return; fi
  local sudo=()
  if ((EUID != 0)); then
    if ! command -v sudo > /dev/null; then
      echo "These Debian packages are missing; install them as root and run this again: ${missing[*]}" >&2
      exit 1
    fi
    sudo=(sudo)
  fi
  say "Installing Debian packages: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# install_environment NAME: what scripts/requirements-NAME.txt pins, in the Python environment .venv-NAME.
install_environment() {
  if cmp -s "scripts/requirements-$1.txt" ".venv-$1/requirements.txt"; then return; fi
  say "Installing from PyPI into .venv-$1"
  python3 -m venv ".venv-$1" || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
  ".venv-$1/bin/pip" install --quiet --disable-pip-version-check -r "scripts/requirements-$1.txt"
  cp "scripts/requirements-$1.txt" ".venv-$1/requirements.txt"
}

# install_peers: the other engines, as pinned.
install_peers() { install_environment peers; }

# install_cuda_tools: CUDA 12's run-time compiler and a disassembler, as pinned; 250 MB.
install_cuda_tools() { install_environment cuda; }

# build_release [CMAKE OPTION...] -- [TARGET...]: configures and builds the preset `release`.
build_release() {
  local options=()
  while (($# > 0)) && [[ $1 != -- ]]; do options+=("$1"); shift; done
  if (($# > 0)); then shift; fi
  say "Building (build/release)"
  cmake --preset release "${options[@]}" > build-configure.log 2>&1 || { cat build-configure.log; rm -f build-configure.log; exit 1; }
  rm -f build-configure.log
  if (($# > 0)); then cmake --build --preset release --target "$@"; else cmake --build --preset release; fi
}

# build_programs [CMAKE OPTION... --] TARGET...: builds these programs. The first configuration leaves tests and benchmarks out,
# whose packages may not be there; a later one stays as it is.
build_programs() {
  local options=()
  [[ -f build/release/build.ninja ]] || options=(-DOCTET_BUILD_TESTS=OFF -DOCTET_BUILD_BENCHMARKS=OFF)
  case " $* " in *" -- "*) ;; *) options+=(--) ;; esac
  build_release "${options[@]}" "$@"
}
