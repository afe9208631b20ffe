#!/usr/bin/env bash
# One command on a machine with an NVIDIA GPU: builds for that GPU alone, runs the tests on it, the reference cases,
# compute-sanitizer over the kernels and the benchmarks, and leaves one folder with every log and a summary.md. It installs
# nothing: a compiler, CMake and the CUDA toolkit have to be there. Exit status 1 if anything failed or ran out of time.
#
#   scripts/gpu.sh                  everything, in less than 9 minutes on 16 cores
#   scripts/gpu.sh --quick          the tests on the GPU alone, whole trainings left out, in less than 3 minutes
#   scripts/gpu.sh --bench          the benchmarks alone, with the processor beside the GPU
#   scripts/gpu.sh --packages DIR   Eigen, Catch2 and the other packages are taken from DIR
#   scripts/gpu.sh --collect DIR    copies these packages of this machine, which needs no GPU, into DIR; nothing else is done
#   scripts/gpu.sh --out DIR        where logs and the summary are written (gpu-run/ otherwise)
#   scripts/gpu.sh --shared DIR     where the reference tensors are (../shared otherwise)
#   scripts/gpu.sh --seconds N      the time for all of it; what does not fit is reported as left undone
#   scripts/gpu.sh --dry-run        prints what would be run, on a machine without a GPU, too
#
# CUDA_VISIBLE_DEVICES=n chooses another GPU than the first.
here=$PWD
source "$(dirname "$0")/common.sh"

refuse() { echo "gpu.sh: $*" >&2; exit 1; }
# Folders on the command line are meant from where the user stands.
from_here() { case $1 in /*) echo "$1" ;; *) echo "$here/$1" ;; esac; }

mode=all out=gpu-run packages="" collect="" shared=../shared seconds="" dry=no
while [ $# -gt 0 ]; do
    case $1 in
        --quick|--bench) mode=${1#--} ;;
        --out) out=$(from_here "${2:?--out needs a folder}"); shift ;;
        --packages) packages=$(from_here "${2:?--packages needs a folder}"); shift ;;
        --collect) collect=$(from_here "${2:?--collect needs a folder}"); shift ;;
        --shared) shared=$(from_here "${2:?--shared needs a folder}"); shift ;;
        --seconds) seconds=${2:?--seconds needs a number}; shift ;;
        --dry-run) dry=yes ;;
        -h|--help) sed -n '2,/^here/{/^here/!s/^# \?//p}' "$0"; exit 0 ;;
        *) echo "gpu.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done
case $mode in quick) budget=175 ;; bench) budget=480 ;; *) budget=530 ;; esac
if [ -n "$seconds" ]; then
    [[ $seconds =~ ^[1-9][0-9]{0,5}$ ]] || { echo "gpu.sh: --seconds is '$seconds', expected a whole number" >&2; exit 2; }
    budget=$seconds
fi

# claim FOLDER MARKER: an empty folder of that name. What is in it is deleted only if this script made it.
claim() {
    if [ -e "$1" ] && [ ! -e "$1/$2" ] && { [ ! -d "$1" ] || [ -n "$(ls -A "$1")" ]; }; then
        refuse "$1 exists and was not made by this script: give another folder"
    fi
    mkdir -p "$1"
    find "$1/" -mindepth 1 -delete
    touch "$1/$2"
}

# What is carried to a machine that has none of it. The names are CMake's.
package_names=(Eigen3 Catch2 nlohmann_json CLI11 benchmark)

# collect_packages DIR: headers, libraries and CMake files of the packages that CMake finds here, laid out as it found them.
collect_packages() {
    local name config prefix part
    probe=$(mktemp -d)
    trap 'rm -rf "$probe"' EXIT
    cmake -S . -B "$probe" -DLAFS_TESTS=OFF -DLAFS_EXAMPLES=OFF -DLAFS_BENCH=OFF -DLAFS_CUDA=OFF -DLAFS_OPENCV=OFF \
        >"$probe/log.txt" 2>&1 || { cat "$probe/log.txt" >&2; refuse "the packages are not all here"; }
    found_in() { sed -n "s/^$1:[A-Z]*=//p" "$probe/CMakeCache.txt"; }
    copy() { # copy PREFIX PATH...: each PATH of PREFIX that is there, links as the files behind them
        local root=$1 path
        shift
        for path in "$@"; do
            [ -e "$root/$path" ] || continue
            mkdir -p "$collect/$(dirname "$path")"
            cp -rL "$root/$path" "$collect/$(dirname "$path")/"
        done
    }
    for name in "${package_names[@]}"; do
        config=$(found_in "${name}_DIR")
        if [ ! -d "$config" ]; then
            echo "not found, so not collected: $name"
            continue
        fi
        case $config in
            */share/*) prefix=${config%/share/*} ;;
            */lib64/*) prefix=${config%/lib64/*} ;;
            */lib/*) prefix=${config%/lib/*} ;;
            *) refuse "$name is in $config, expected lib/, lib64/ or share/ of some folder: install it" ;;
        esac
        copy "$prefix" "${config#"$prefix"/}"
        case $name in
            Eigen3) copy "$prefix" include/eigen3/Eigen include/eigen3/signature_of_eigen3_matrix_library ;;
            Catch2) copy "$prefix" include/catch2 ;;
            nlohmann_json) copy "$prefix" include/nlohmann ;;
            CLI11) copy "$prefix" include/CLI ;;
            benchmark) copy "$prefix" include/benchmark ;;
        esac
        for part in "$prefix"/{lib,lib64,lib/*-linux-gnu}/lib"$name"*.{a,so*}; do
            copy "$prefix" "${part#"$prefix"/}"
        done
        echo "$name from $prefix"
    done
    prefix=$(found_in LAFS_STB_INCLUDE_DIR)
    if [ -d "$prefix" ]; then
        mkdir -p "$collect/include/stb"
        for part in "$prefix"/stb/*.h "$prefix"/stb_*.h; do
            [ ! -e "$part" ] || cp -L "$part" "$collect/include/stb/"
        done
        echo "stb from $prefix"
    else
        echo "not found, so not collected: stb"
    fi
    du -sh "$collect"
}
if [ -n "$collect" ]; then
    claim "$collect" .lafs-packages
    collect_packages
    exit 0
fi

# A GPU, its driver, a compiler for it: each is looked for before anything is built. A dry run says what is missing and goes on.
lacking() {
    [ $dry = yes ] || refuse "$@"
    echo "would refuse to run here: $*"
}
nvcc=${CUDACXX:-$(command -v nvcc || true)}
for place in ${CUDA_PATH:+"$CUDA_PATH/bin/nvcc"} /usr/local/cuda/bin/nvcc; do
    [ -n "$nvcc" ] || [ ! -x "$place" ] || nvcc=$place
done
export CUDA_DEVICE_ORDER=PCI_BUS_ID # as nvidia-smi counts
export CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES:-0}
CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES%%,*}
gpu="" capability=""
if ! command -v nvidia-smi >/dev/null; then
    lacking "there is no nvidia-smi: no NVIDIA driver is installed"
elif ! answer=$(nvidia-smi -i "$CUDA_VISIBLE_DEVICES" --query-gpu=compute_cap,name,driver_version,memory.total \
        --format=csv,noheader 2>&1); then
    lacking "nvidia-smi finds no GPU $CUDA_VISIBLE_DEVICES: $(head -n 1 <<<"$answer")"
else
    IFS=, read -r capability gpu driver memory < <(head -n 1 <<<"$answer" | sed 's/, */,/g')
    [[ $capability =~ ^[0-9]+\.[0-9]$ ]] || lacking "nvidia-smi gives no compute capability, but: $answer"
fi
architecture=${capability/./}
release=""
if [ -z "$nvcc" ] || ! release=$("$nvcc" --version 2>/dev/null); then
    lacking "there is no nvcc that runs: install the CUDA toolkit, or name the compiler with CUDACXX"
else
    release=$(sed -n 's/.*release \([0-9.]*\).*/\1/p' <<<"$release")
    [ -z "$architecture" ] || grep -qx "sm_$architecture" <<<"$("$nvcc" --list-gpu-code 2>/dev/null)" ||
        lacking "$nvcc ($release) does not know this GPU, sm_$architecture: install a newer CUDA toolkit"
fi
for program in cmake timeout "${CXX:-c++}"; do
    command -v "$program" >/dev/null || lacking "there is no $program"
done

build="build-gpu"
configuration=(-S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DLAFS_CUDA=ON "-DLAFS_CUDA_ARCHITECTURES=${architecture:-NN}-real"
    "-DCMAKE_CUDA_COMPILER=${nvcc:-nvcc}" -DLAFS_EXAMPLES=OFF -DLAFS_OPENCV=OFF "-DLAFS_SHARED_DIR=$(realpath -m "$shared")")
# 16 cores are to be busy from the start to the end: one file of 12 tests takes as long as all the others beside it.
[ "$(nproc)" -lt 8 ] || configuration+=(-DLAFS_CUDA_TEST_BUNDLE=2)
keep_going=(-k)
if command -v ninja >/dev/null; then
    configuration+=(-G Ninja) keep_going=(-k 0)
fi
if [ -n "$packages" ]; then
    for name in "${package_names[@]}"; do
        config=$(find "$packages" \( -name "${name}Config.cmake" -o -name "${name,,}-config.cmake" \) -print -quit)
        [ -z "$config" ] || configuration+=("-D${name}_DIR=$(dirname "$config")")
        [ -n "$config" ] || [ "$name" != Eigen3 ] || refuse "$packages holds no Eigen3Config.cmake: make it with --collect"
    done
    [ ! -d "$packages/include" ] || configuration+=("-DLAFS_STB_INCLUDE_DIR=$packages/include")
fi
wanted=()
case $mode in
    quick) configuration+=(-DLAFS_TESTS=AUTO -DLAFS_BENCH=OFF) wanted=(test_cuda) ;;
    bench) configuration+=(-DLAFS_TESTS=OFF -DLAFS_BENCH=AUTO) wanted=(backends_cuda_bench training_step_cuda_bench) ;;
    all) configuration+=(-DLAFS_TESTS=AUTO -DLAFS_BENCH=AUTO)
        wanted=(test_cuda test_cuda_training backends_cuda_bench training_step_cuda_bench)
        [ ! -d "$shared/reference" ] || wanted+=(reference_check) ;;
esac

if [ $dry = no ]; then
    claim "$out" .lafs-gpu-run
fi
rows=() figures=() failed=no
reserve=0 # seconds kept for what comes later

machine() {
    printf -- '- GPU: %s, compute capability %s, %s, driver %s\n' "$gpu" "$capability" "${memory:-}" "${driver:-}"
    printf -- '- CUDA toolkit %s, %s, %s\n' "$release" "$("${CXX:-c++}" --version | head -n 1)" "$(cmake --version | head -n 1)"
    printf -- '- Processor: %s, %s cores\n' \
        "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)" "$(nproc)"
    printf -- '- Source: %s\n' "$(git describe --always --dirty 2>/dev/null || echo 'no git repository')"
    printf -- '- PyTorch: %s\n' "${torch:-not used}"
}

# Written after every step, so that a run that is cut off leaves one, too.
write_summary() {
    local log
    {
        printf '# %s on %s\n\n' "$(date -u +%Y-%m-%dT%H:%MZ)" "$gpu"
        machine
        printf -- '- Run: scripts/gpu.sh, %s, %d of %d s; %s\n' "$mode" "$SECONDS" "$budget" "$1"
        printf '\n| step | result | s | what it says | log |\n|---|---|---|---|---|\n'
        printf '%s\n' "${rows[@]}"
        if [ -e "$out/configure.txt" ] && grep -qE 'left out: |not used: |on the CPU only: ' "$out/configure.txt"; then
            printf '\n## What the build left out\n\n'
            sed -nE 's/^-- +((left out|not used|on the CPU only): .*)/- \1/p' "$out/configure.txt"
        fi
        for log in "${figures[@]}"; do
            printf '\n## Figures: %s\n\n```\n' "${log%.txt}"
            grep -vE '^(\*\*\*|[0-9]{4}-|Unable|Load Average|  L[0-9]|$)' "$out/$log" || true
            printf '```\n'
        done
    } >"$out/summary.md.new"
    mv "$out/summary.md.new" "$out/summary.md"
}

# row NAME RESULT SECONDS WORDS LOG
row() {
    printf '%s: %s\n' "$1" "$2${4:+; $4}"
    if [ $dry = no ]; then
        rows+=("| $1 | $2 | $3 | ${4//|/\\|} | ${5:-} |")
        write_summary "not finished"
    fi
}
leave_out() { row "$1" "left out" "" "$2" ""; }

# step NAME LIMIT PATTERN COMMAND...: runs the command for at most LIMIT seconds, and no longer than the whole run has left.
# It has passed if its exit status is 0 and its log has a line with PATTERN, of which the last goes into the summary: a program
# that ran nothing has not passed. Whatever comes of it, the script goes on; the status is 0 if it passed.
step() {
    local name=$1 limit=$2 pattern=$3 log left started status result words
    shift 3
    left=$((budget - reserve - SECONDS))
    [ "$limit" -lt $left ] || limit=$left
    say "$name, at most $limit s"
    if [ $dry = yes ]; then
        printf '%s\n' "${*@Q}"
        return 0
    fi
    log=${name//[^a-z0-9_]/-}.txt
    if [ "$limit" -lt 2 ]; then
        failed=yes
        row "$name" "NO TIME LEFT" "" "" ""
        return 1
    fi
    started=$SECONDS
    status=0
    timeout --kill-after=5 "$limit" "$@" >"$out/$log" 2>&1 </dev/null || status=$?
    words=$(grep -oE "$pattern" "$out/$log" | tail -n 1) || true
    case $status in
        0)
            result=passed
            if [ -z "$words" ] || grep -qE "ERROR OCCURRED|No tests ran" "$out/$log"; then
                result="FAILED (not all of it ran)"
            fi ;;
        124|137) result="OUT OF TIME (after $limit s)" ;;
        *) result="FAILED (exit status $status)" ;;
    esac
    row "$name" "$result" $((SECONDS - started)) "$words" "$log"
    [ "$result" != passed ] || return 0
    failed=yes
    tail -n 15 "$out/$log"
    return 1
}

# built TARGET: whether there is such a program; its step is reported as left out otherwise.
built() {
    [ $dry = no ] || return 0
    [ -x "$1" ] || { leave_out "${1##*/}" "it was not built"; return 1; }
}

# sanitize TOOL CHECKER PROGRAM LISTS LOGS: the test cases under compute-sanitizer, a process for each list of them, up to eight
# at a time. Runs in a shell of its own, under a time limit; what it has found until then stands in its output.
sanitize_part() {
    local tool=$1 checker=$2 program=$3 logs=$4 list=$5 log
    log=$logs/$(basename "$list")
    if "$checker" --tool "$tool" --error-exitcode 9 "$program" --input-file "$list" >"$log" 2>&1 &&
        grep -q 'SUMMARY: 0 ' "$log" && grep -q 'All tests passed' "$log" && ! grep -q 'No test cases matched' "$log"; then
        touch "$log.clean"
        clean_parts "$(dirname "$list")" "$logs"
    else
        grep -E '^=.*(Error|Invalid|hazard|Uninitialized|Barrier|SUMMARY)|test cases:|No test' "$log" | head -n 20
        echo "$(basename "$log"): NOT CLEAN"
        return 1
    fi
}
clean_parts() { echo "$(find "$2" -name '*.clean' | wc -l) of $(find "$1" -name 'part-*' | wc -l) parts ended, clean"; }
sanitize() {
    local tool=$1 checker=$2 program=$3 lists=$4 logs=$5
    find "$lists" -name 'part-*' -print0 | sort -z |
        xargs -0 -P 8 -I{} bash -c 'sanitize_part "$@"' part "$tool" "$checker" "$program" "$logs" {} &&
        clean_parts "$lists" "$logs"
}
export -f sanitize sanitize_part clean_parts

# The names of all cases, in lists of which each is a process: one process leaves a GPU idle under these tools.
list_cases() {
    local program=$1 lists=$2 parts
    mkdir -p "$lists"
    { "$program" --list-test-names-only 2>/dev/null || true; } >"$lists/all" # Catch2 v2; its exit status is their number
    if ! [ -s "$lists/all" ] || grep -q "Unrecogni" "$lists/all"; then
        "$program" --list-tests --verbosity quiet >"$lists/all" || true
    fi
    parts=24
    awk -v parts="$parts" -v folder="$lists" 'NF { print > (folder "/part-" NR % parts) }' "$lists/all"
    [ -s "$lists/all" ]
}

run_tests() {
    local program
    for program in "${wanted[@]}"; do
        if [[ $program == test_* ]] && built "$build/tests/$program"; then
            step "$program" 90 'All tests passed .*|test cases:.*|No tests ran.*' "$build/tests/$program" || true
        fi
    done
}

run_reference() {
    if [ ! -d "$shared/reference" ]; then
        leave_out "reference cases" "$shared/reference is absent"
        return 0
    fi
    built "$build/tests/reference_check" || return 0
    step "reference cases on the processor" 60 '[0-9]+ passed, [0-9]+ failed' \
        "$build/tests/reference_check" "$shared/reference" || true
    leave_out "reference cases on the GPU" "reference_check computes on the processor; no case of it is written for a device"
}

run_sanitizers() {
    local checker tool limit lists=$out/cases
    checker=$(command -v compute-sanitizer || true)
    [ -n "$checker" ] || [ ! -x "$(dirname "${nvcc:-.}")/compute-sanitizer" ] || checker=$(dirname "$nvcc")/compute-sanitizer
    if [ -z "$checker" ] && [ $dry = no ]; then
        leave_out "compute-sanitizer" "there is no compute-sanitizer beside nvcc or on the PATH"
        return 0
    fi
    built "$build/tests/test_cuda" || return 0
    if [ $dry = no ] && ! timeout 20 bash -c "$(declare -f list_cases); list_cases \"\$@\"" list "$build/tests/test_cuda" "$lists"; then
        failed=yes
        row "compute-sanitizer" "FAILED" "" "test_cuda lists no cases" ""
        return 0
    fi
    for tool in memcheck:70 racecheck:90 synccheck:40 initcheck:40; do
        limit=${tool#*:}
        tool=${tool%:*}
        [ $dry = yes ] || mkdir -p "$out/$tool"
        step "$tool" "$limit" '.* parts ended, clean|.*NOT CLEAN' bash -c 'sanitize "$@"' sanitize \
            "$tool" "${checker:-compute-sanitizer}" "$build/tests/test_cuda" "$lists" "$out/$tool" || true
    done
}

# measured NAME LIMIT COMMAND...: a step whose log are figures.
measured() {
    local name=$1 limit=$2
    shift 2
    figures+=("${name//[^a-z0-9_]/-}.txt")
    [ $dry = yes ] || : >"$out/${figures[-1]}"
    step "$name" "$limit" '[^ ].*' "$@" || true
}

run_benchmarks() {
    local backends=$build/bench/backends_cuda_bench steps=$build/bench/training_step_cuda_bench
    if built "$backends"; then
        measured "backends_cuda_bench" 60 "$backends" --benchmark_filter=/cuda/ --benchmark_out="$out/backends_cuda.json"
    fi
    if built "$steps"; then
        measured "training_step_cuda_bench" 60 "$steps" --benchmark_out="$out/training_step_cuda.json"
    fi
    torch=$(python3 -c 'import torch; assert torch.cuda.is_available(); print(torch.__version__)' 2>/dev/null) || torch=""
    if [ -z "$torch" ] && [ $dry = no ]; then
        leave_out "PyTorch" "python3 has no torch that sees a GPU"
    else
        if built "$backends"; then
            measured "cuda_ops" 90 python3 bench/peers/cuda_ops.py "$backends" --rounds 1 --no-compile --json "$out/cuda_ops.json"
        fi
        measured "gpu_limits" 60 python3 bench/peers/gpu_limits.py --rounds 2
    fi
    if [ "$mode" = bench ] && built "$backends"; then
        measured "backends on both devices" 150 "$backends" --benchmark_out="$out/backends_both.json"
    fi
}

say "${gpu:-a GPU that is not here}: $mode, at most $budget s, into $out"
if step "configure" 60 'Build files have been written.*' cmake "${configuration[@]}"; then
    targets=() programs=$(cmake --build "$build" --target help 2>/dev/null || true)
    for target in "${wanted[@]}"; do
        if [ $dry = yes ] || grep -qE "(^|[ .])$target(:|\$)" <<<"$programs"; then
            targets+=("$target")
        else
            result="left out"
            if [[ $target == test_* ]] || [ "$mode" = bench ]; then # what the run is for
                result=FAILED failed=yes
            fi
            row "build of $target" "$result" "" "the configuration has no such program, and says why below" configure.txt
        fi
    done
    # A target left from an earlier run must not pass for this one's.
    [ $dry = yes ] || rm -f "$build"/tests/{test_cuda,test_cuda_training,reference_check} "$build"/bench/*_cuda_bench
    if [ ${#targets[@]} -gt 0 ]; then
        reserve=$((budget / 4))
        step "build" 360 '.+' cmake --build "$build" -j "$(build_jobs)" --target "${targets[@]}" -- "${keep_going[@]}" || true
    fi
    reserve=0
    [ "$mode" = bench ] || run_tests
    [ "$mode" != all ] || run_reference
    reserve=$((budget / 6)) # for the benchmarks
    [ "$mode" != all ] || run_sanitizers
    reserve=0
    [ "$mode" = quick ] || run_benchmarks
fi
[ $dry = no ] || exit 0
write_summary "$([ $failed = no ] && echo 'nothing failed' || echo 'SOMETHING FAILED OR DID NOT END')"
say "$(sed -n 's/^- Run: //p' "$out/summary.md"): $out/summary.md"
[ $failed = no ]
