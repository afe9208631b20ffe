#!/usr/bin/env bash
# Installs the packages that building needs and that are missing, on Debian and Ubuntu.
# Further package names may follow: scripts/install_deps.sh clang doxygen. libopencv-dev (a gigabyte) is only needed to
# find faces in photographs that are not aligned (lafs_align --detector).
source "$(dirname "$0")/common.sh"

packages=(
    g++ cmake ninja-build ccache    # compiler, build, build cache
    libeigen3-dev                   # the library itself
    libstb-dev                      # reading and writing images
    nlohmann-json3-dev              # weights, logs and results
    libcli11-dev                    # the trainers' command lines
    catch2 libbenchmark-dev         # tests, benchmarks
    "$@"
)

if ! command -v apt-get >/dev/null; then
    echo "This is not Debian or Ubuntu; nothing was installed. What is needed, by its Debian name: ${packages[*]}"
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "Nothing to install: all ${#packages[@]} packages are present."
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
    echo "sudo may ask for your password, to install packages."
fi
say "Installing with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
