#!/usr/bin/env bash
# The whole method at small size on synthetic faces: builds the trainers, trains the three stages, and verifies
# people that no stage has seen.
#
#   scripts/demo.sh            at most 15 minutes on two cores, build included
#   scripts/demo.sh --full     more training, and DINO (no landmarks) beside LAFS
#   scripts/demo.sh --out DIR  where everything is written (demo-run/ otherwise)
source "$(dirname "$0")/common.sh"

model=tiny
people=200 images=20   # the training set; few-shot training sees $shots images of each person
shots=2
epochs_stage1=4
epochs_stage2=4
epochs_stage3=30
batch=32
seed=1
out=demo-run
full=no
while [ $# -gt 0 ]; do
    case $1 in
        --full) full=yes epochs_stage1=20 epochs_stage2=40 epochs_stage3=100 ;;
        --out) out=${2:?--out needs a folder}; shift ;;
        -h|--help) sed -n '2,/^source/{/^source/!s/^# \?//p}' "$0"; exit 0 ;;
        *) echo "demo.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

scripts/install_deps.sh
say "Building the trainers"
cmake --preset release -DLAFS_EXAMPLES=ON
cmake --build build -j "$(build_jobs)" --target lafs_pretrain lafs_finetune lafs_evaluate lafs_export

programs=build/examples
data="synthetic:ids=$people,images=$images"
common=(--batch "$batch" --seed "$seed")
rm -rf "$out"/{unseen,untrained,scratch,stage1,stage2,stage3,stage2-dino,stage3-dino} # of an earlier demonstration
mkdir -p "$out"

say "Writing faces of other people, to test on"
"$programs/lafs_export" --data synthetic:ids=100,images=10,first=1000000 --pairs 3000 --out "$out/unseen"

say "Stage 1: a landmark network, learnt from identities alone"
"$programs/lafs_finetune" --data "$data" "${common[@]}" --model "$model" --head cosface \
    --epochs "$epochs_stage1" --out "$out/stage1"

# fine_tune NAME MODEL [OPTIONS]: few-shot training of one network, into $out/NAME.
fine_tune() {
    local name=$1 network=$2
    shift 2
    "$programs/lafs_finetune" --data "$data" "${common[@]}" --model "$network" --head cosface --few-shot "$shots" \
        --out "$out/$name" "$@"
}
landmarks=$out/stage1/landmarks.safetensors

say "An untrained network, for comparison"
fine_tune untrained "$model" --init-landmarks "$landmarks" --epochs 0
say "Few-shot from scratch: $shots images of each person"
fine_tune scratch "$model" --init-landmarks "$landmarks" --epochs "$epochs_stage3"
rows=("untrained|untrained" "few-shot from scratch|scratch")

say "Stage 2: LAFS pre-training, no labels"
"$programs/lafs_pretrain" --data "$data" "${common[@]}" --model "$model" --method lafs --landmarks "$landmarks" \
    --epochs "$epochs_stage2" --out "$out/stage2"
say "Stage 3: few-shot after LAFS"
fine_tune stage3 "$model" --init-landmarks "$landmarks" --init-backbone "$out/stage2/teacher.safetensors" \
    --epochs "$epochs_stage3"
rows+=("few-shot after LAFS|stage3")

if [ "$full" = yes ]; then
    say "DINO, for comparison: the same on a plain grid of patches, without landmarks"
    "$programs/lafs_pretrain" --data "$data" "${common[@]}" --model "grid-$model" --method dino \
        --epochs "$epochs_stage2" --out "$out/stage2-dino"
    fine_tune stage3-dino "grid-$model" --init-backbone "$out/stage2-dino/teacher.safetensors" --epochs "$epochs_stage3"
    rows+=("few-shot after DINO|stage3-dino")
fi

say "Verification of people that no stage has seen"
number() { sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" "$2" | head -n 1; }
printf '\n%-26s %10s %10s\n' "" "accuracy" "deviation"
for row in "${rows[@]}"; do
    folder=$out/${row#*|}
    "$programs/lafs_evaluate" --weights "$folder/model.safetensors" --pairs "$out/unseen/pairs.txt" \
        --root "$out/unseen/images" --json "$folder/unseen.json" >/dev/null
    printf '%-26s %9.1f%% %9.1f%%\n' "${row%|*}" \
        "$(awk "BEGIN {print 100 * $(number accuracy "$folder/unseen.json")}")" \
        "$(awk "BEGIN {print 100 * $(number accuracy_std "$folder/unseen.json")}")"
done
printf '\nReport with losses, landmarks and attention: %s\n' "$out/stage3/report.html"
printf 'Time: %d minutes\n' $(((SECONDS + 59) / 60))
