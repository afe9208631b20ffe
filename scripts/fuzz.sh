#!/usr/bin/env bash
# Fuzzes every reader of files: many inputs, derived from real files, under AddressSanitizer.
#
#   scripts/fuzz.sh                     a million inputs for each reader
#   scripts/fuzz.sh --runs 10000 image  so many inputs, these readers only (tests/fuzz/<reader>_fuzz.cpp)
#   scripts/fuzz.sh --max-len 4096      inputs of at most so many bytes (32768): shorter ones run faster
#
# Built in build-fuzz/, with libFuzzer where Clang has it, else with the driver of the tests. Inputs that crash, hang
# (20 s) or make a reader allocate more than 64 MB are left in build-fuzz/findings/.
source "$(dirname "$0")/common.sh"

runs=1000000
max_len=32768
readers=()
while [ $# -gt 0 ]; do
    case $1 in
        --runs) runs=${2:?--runs needs a number}; shift ;;
        --max-len) max_len=${2:?--max-len needs a number}; shift ;;
        -h|--help) sed -n '2,/^source/{/^source/!s/^# \?//p}' "$0"; exit 0 ;;
        -*) echo "fuzz.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
        *) readers+=("$1") ;;
    esac
    shift
done
if [ ${#readers[@]} -eq 0 ]; then
    for target in tests/fuzz/*_fuzz.cpp; do
        target=$(basename "$target" _fuzz.cpp)
        readers+=("$target")
    done
fi

scripts/install_deps.sh clang
version=$(clang++ -dumpversion 2>/dev/null | cut -d. -f1)
if apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1; then # libFuzzer is a package of its own
    scripts/install_deps.sh "libclang-rt-$version-dev"
fi
shared=${LAFS_SHARED:-../shared}
compiler=$(command -v clang++-14 || command -v clang++ || true)
libfuzzer=OFF
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' > "$probe/probe.cpp"
if [ -n "$compiler" ] && "$compiler" -fsanitize=fuzzer,address "$probe/probe.cpp" -o "$probe/probe" 2>/dev/null; then
    libfuzzer=ON
else
    compiler=$(command -v g++)
    echo "fuzz.sh: no Clang with libFuzzer here; inputs come from tests/fuzz/mutation_driver.cpp"
fi

say "Building build-fuzz"
# Afresh: CMake drops options when another compiler is found than last time.
cmake --fresh -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER=$compiler" \
    -DLAFS_LIBFUZZER=$libfuzzer -DLAFS_TESTS=ON -DLAFS_EXAMPLES=OFF -DLAFS_BENCH=OFF -DLAFS_CUDA=OFF
cmake --build build-fuzz -j "$(build_jobs)" --target "${readers[@]/%/_fuzz}"

mkdir -p build-fuzz/findings
# Short traces and a small quarantine: twice as many inputs in the same time.
export ASAN_OPTIONS=max_allocation_size_mb=64:malloc_context_size=4:quarantine_size_mb=16
failed=()
for reader in "${readers[@]}"; do
    say "$reader: $runs inputs"
    seeds=()
    corpus=build-fuzz/corpus/$reader
    mkdir -p "$corpus"
    while read -r pattern; do
        for file in tests/fuzz/$pattern $shared/$pattern; do # the pattern expands here
            [ -f "$file" ] && [ "${#seeds[@]}" -lt 64 ] && seeds+=("$file")
        done
    done < <(head -1 "tests/fuzz/${reader}_fuzz.cpp" | sed 's/^.*seeds://' | tr -d ' ' | tr ',' '\n')
    if [ $libfuzzer = ON ]; then
        for file in "${seeds[@]}"; do
            head -c "$max_len" "$file" > "$corpus/$(echo "$file" | cksum | cut -d' ' -f1)"
        done
        command=("build-fuzz/tests/${reader}_fuzz" "-runs=$runs" "-max_len=$max_len" -timeout=20 -malloc_limit_mb=64
            -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -print_funcs=0 "-artifact_prefix=build-fuzz/findings/$reader-" "$corpus")
    else
        command=("build-fuzz/tests/${reader}_fuzz" "-runs=$runs" "${seeds[@]}")
    fi
    log=build-fuzz/$reader.log
    if "${command[@]}" > "$log" 2>&1; then
        grep -E 'executed_units|exec_per_sec|peak_rss|no crash' "$log"
    else
        tail -40 "$log"
        failed+=("$reader")
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "scripts/fuzz.sh: FOUND something in: ${failed[*]} (see build-fuzz/findings/)"
    exit 1
fi
echo "scripts/fuzz.sh: $runs inputs for each of ${readers[*]}: no crash, no hang, nothing above 64 MB"
