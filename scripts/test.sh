#!/usr/bin/env bash
# Builds and runs every test.
#
#   scripts/test.sh                 in build/
#   scripts/test.sh --sanitize      in build-sanitize/, with AddressSanitizer and UndefinedBehaviorSanitizer
#   scripts/test.sh [--sanitize] -- -L core     what follows -- goes to ctest
source "$(dirname "$0")/common.sh"

preset=release
folder=build
while [ $# -gt 0 ]; do
    case $1 in
        --sanitize) preset=sanitize folder=build-sanitize ;;
        --) shift; break ;;
        -h|--help) sed -n '2,/^source/{/^source/!s/^# \?//p}' "$0"; exit 0 ;;
        *) echo "test.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

scripts/install_deps.sh
say "Configuring $folder"
cmake --preset "$preset" -DLAFS_TESTS=ON
say "Building the tests"
cmake --build "$folder" --target lafs_tests -j "$(build_jobs)"
say "Running the tests"
export UBSAN_OPTIONS=print_stacktrace=1
if ctest --test-dir "$folder" --output-on-failure --no-tests=error "$@"; then
    echo "scripts/test.sh: all tests passed ($preset)"
else
    echo "scripts/test.sh: TESTS FAILED ($preset); run one again with: ctest --test-dir $folder -R NAME --output-on-failure"
    exit 1
fi
