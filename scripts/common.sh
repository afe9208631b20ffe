# Shared by the scripts; meant to be sourced. Leaves the shell in the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }

# As many compilers as there are processors and memory for: a trainer takes up to 2.5 GB to compile.
build_jobs() {
    local processors gigabytes
    processors=$(nproc 2>/dev/null || echo 2)
    gigabytes=$(awk '/MemAvailable/ {print int($2 / 1048576 / 2.5)}' /proc/meminfo 2>/dev/null || echo 2)
    echo $((gigabytes < 1 ? 1 : gigabytes < processors ? gigabytes : processors))
}
