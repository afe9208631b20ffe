#!/usr/bin/env bash
# The whole method at small size on synthetic faces: builds the trainers, trains the three stages, and verifies
# people that no stage has seen.
#
#   scripts/demo.sh            at most 15 minutes on two cores, build included
#   scripts/demo.sh --full     more training, and DINO (no landmarks) beside LAFS
#   scripts/demo.sh --out DIR  where everything is written (demo-run/ otherwise)
source "$(dirname "$0")/common.sh"

# The settings are those of presets/tiny-*.conf; here is what this script changes.
model=tiny
people=120 images=10   # the training set; few-shot training sees $shots images of each person
shots=2
epochs_stage1=6
epochs_stage2=2
epochs_stage3=16
out=demo-run
full=no
while [ $# -gt 0 ]; do
    case $1 in
        --full) full=yes people=400 epochs_stage1=24 epochs_stage2=20 epochs_stage3=60 ;;
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
common=(--data "$data")
if [ -e "$out" ] && [ ! -e "$out/.lafs-demo" ]; then
    echo "demo.sh: $out exists and was not made by this script: give another folder with --out" >&2
    exit 1
fi
rm -rf "$out"
mkdir -p "$out"
touch "$out/.lafs-demo"

say "Writing faces of other people, to test on"
"$programs/lafs_export" --data synthetic:ids=100,images=10,first=1000000 --pairs 3000 --out "$out/unseen"

say "Stage 1: a landmark network, learnt from identities alone"
"$programs/lafs_finetune" --preset tiny-part-fvit "${common[@]}" --model "$model" --validate-every 1000 \
    --epochs "$epochs_stage1" --out "$out/stage1"

# fine_tune NAME MODEL [OPTIONS]: few-shot training of one network, into $out/NAME. Layers of one that is not pre-trained
# all learn at one rate.
fine_tune() {
    local name=$1 network=$2
    shift 2
    "$programs/lafs_finetune" --preset tiny-lafs-finetune "${common[@]}" --model "$network" --few-shot "$shots" \
        --validate-every 1000 --out "$out/$name" "$@"
}
landmarks=$out/stage1/landmarks.safetensors

say "An untrained network, for comparison"
fine_tune untrained "$model" --layer-decay 1 --init-landmarks "$landmarks" --epochs 0
say "Few-shot from scratch: $shots images of each person"
fine_tune scratch "$model" --layer-decay 1 --init-landmarks "$landmarks" --epochs "$epochs_stage3"
rows=("untrained|untrained" "few-shot from scratch|scratch")

say "Stage 2: LAFS pre-training, no labels"
"$programs/lafs_pretrain" --preset tiny-lafs-pretrain "${common[@]}" --model "$model" --landmarks "$landmarks" \
    --epochs "$epochs_stage2" --out "$out/stage2"
say "Stage 3: few-shot after LAFS"
fine_tune stage3 "$model" --init-landmarks "$landmarks" --init-backbone "$out/stage2/teacher.safetensors" \
    --epochs "$epochs_stage3"
rows+=("few-shot after LAFS|stage3")

if [ "$full" = yes ]; then
    say "DINO, for comparison: the same on a plain grid of patches, without landmarks"
    "$programs/lafs_pretrain" --preset tiny-dino-face "${common[@]}" --model "grid-$model" \
        --epochs "$epochs_stage2" --out "$out/stage2-dino"
    fine_tune stage3-dino "grid-$model" --init-backbone "$out/stage2-dino/teacher.safetensors" \
        --epochs "$epochs_stage3"
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
