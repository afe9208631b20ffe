#!/usr/bin/env bash
# The pictures of README.md, cut out of the report of a training run: docs/images/*.svg.
#
#   scripts/make_pictures.sh              trains first: stage 1 of scripts/demo.sh, minutes on two cores
#   scripts/make_pictures.sh REPORT.html  from a report that is there
source "$(dirname "$0")/common.sh"

case ${1:-} in
    -h|--help) sed -n '2,/^source/{/^source/!s/^# \?//p}' "$0"; exit 0 ;;
    "")
        scripts/install_deps.sh
        say "Building the trainer"
        cmake --preset release -DLAFS_EXAMPLES=ON
        cmake --build build -j "$(build_jobs)" --target lafs_finetune
        run=$(mktemp -d)
        trap 'rm -rf "$run"' EXIT
        say "Training a landmark network on synthetic faces"
        build/examples/lafs_finetune --preset tiny-part-fvit --validate-every 1000 --out "$run/stage1"
        report=$run/stage1/report.html
        ;;
    *) report=$1 ;;
esac
mkdir -p docs/images

# face NUMBER FILE: what the model does with one face of the report, side by side: landmarks, patches, attention. A
# report has one picture a line: an <svg> where something is drawn over it, an <img> otherwise.
face() {
    awk -v number="$1" -v side=224 -v gap=12 '
        function attribute(name) {
            match($0, " " name "=\"[^\"]*\"")
            return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
        }
        /<h2>/ { inside = /<h2>(Landmarks|Patches|Attention)/; seen = 0 }
        inside && /^<figure>/ && ++seen == number {
            place = sprintf("<svg x=\"%d\" width=\"%d\" height=\"%d\"", found++ * (side + gap), side, side)
            if (/<svg/) {
                sub(/.*<svg/, "")
                sub(/<\/svg>.*/, "</svg>")
                body = body place $0 "\n"
            } else {
                size = attribute("width")
                style = /class="sharp"/ ? " style=\"image-rendering:pixelated\"" : ""
                body = body place " viewBox=\"0 0 " size " " size "\"><image width=\"" size "\" height=\"" size "\"" \
                    style " href=\"" attribute("src") "\"/></svg>\n"
            }
        }
        END {
            if (found != 3) exit 1
            printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\">\n%s</svg>\n", \
                3 * (side + gap) - gap, side, body
        }' "$report" >"$2" || { echo "make_pictures.sh: $report has no three pictures of face $1" >&2; exit 1; }
}

# chart TITLE FILE: the first chart of that title. The charts of a report stand alone.
chart() {
    awk -v title="aria-label=\"$1\"" '
        /^<svg xmlns/ && !done { inside = index($0, title) }
        inside { print; depth += gsub(/<svg/, "&") - gsub(/<\/svg>/, "&"); if (depth == 0) { inside = 0; done = 1 } }
        END { exit !done }' "$report" >"$2" || { echo "make_pictures.sh: $report has no chart \"$1\"" >&2; exit 1; }
}

face 2 docs/images/landmarks.svg
chart "Loss" docs/images/loss.svg
ls -l docs/images
