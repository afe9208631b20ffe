#!/usr/bin/env bash
# Checks how all C++ files are formatted (.clang-format) and what clang-tidy finds (.clang-tidy), with the versions of
# Debian 12.
#
#   scripts/lint.sh              leaves out the tool that is missing and cannot be installed, and says so
#   scripts/lint.sh --require    fails then
#
# clang-tidy reads few files, which between them include every header but those of OpenCV (data/face_detector.hpp,
# data/opencv_codec.hpp) and use most templates.
source "$(dirname "$0")/common.sh"

required=no
while [ $# -gt 0 ]; do
    case $1 in
        --require) required=yes ;;
        -h|--help) sed -n '2,/^source/{/^source/!s/^# \?//p}' "$0"; exit 0 ;;
        *) echo "lint.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done
units=(tests/link/first.cpp tests/cuda-host/network_test.cpp examples/lafs_pretrain.cpp examples/lafs_finetune.cpp)
flags=(-std=c++20 -march=native -Iinclude -Itests/cuda-host/emulated -Itests
    -isystem /usr/include/eigen3 -isystem /usr/local/include/eigen3)

scripts/install_deps.sh clang-format-14 clang-tidy-14 || true # what is missing is named below
missing=()
present() {
    command -v "$1" >/dev/null || { missing+=("$1"); return 1; }
}
findings=$(mktemp -d)
trap 'rm -rf "$findings"' EXIT
failed=()

if present clang-format-14; then
    say "clang-format"
    # Compared here: --dry-run also reports replacements that change nothing.
    while read -r file; do
        clang-format-14 "$file" | diff -u --label "$file" --label "$file, formatted" "$file" - || failed+=("$file")
    done < <(find include tests examples bench -name '*.[ch]pp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | sort)
fi

if present clang-tidy-14; then
    say "clang-tidy"
    tidy() {
        local unit=$1 log=$2/$(basename "$1").txt
        shift 2
        if clang-tidy-14 --quiet "$unit" -- "$@" > "$log" 2>&1; then
            echo "$unit: nothing found"
        else
            echo "$unit:"
            grep -v 'warnings.* generated\.$' "$log"
            return 1
        fi
    }
    export -f tidy
    printf '%s\0' "${units[@]}" |
        xargs -0 -P "$(build_jobs)" -I{} bash -c 'tidy "$@"' tidy {} "$findings" "${flags[@]}" || failed+=(clang-tidy)
fi

if [ ${#failed[@]} -gt 0 ]; then
    echo "scripts/lint.sh: FOUND something in: ${failed[*]}"
    exit 1
elif [ ${#missing[@]} -gt 0 ]; then
    echo "scripts/lint.sh: left out, because it is not installed: ${missing[*]}"
    [ $required = no ]
else
    echo "scripts/lint.sh: formatted, and clang-tidy finds nothing"
fi
