// Evaluates a recogniser: verification sets, IJB-B and IJB-C, thresholds, curves.
#include <CLI/CLI.hpp>
#include <lafs/data/set_outputs.hpp>
#include <lafs/faces/evaluate.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/json_text.hpp>

#include "embedder_on_device.hpp"
#include "image_options.hpp"
#include "run_program.hpp"

namespace {

struct Arguments {
    lafs::EvaluateOptions options;
    std::string protocol = "verification", json;
    std::filesystem::path roc, det;
    double calibrate_far = 0;
    bool no_flip = false, no_detector_score = false;
    lafs::DeviceChoice device;
    int threads = 0;
};

void add_inputs(CLI::App& app, Arguments& a) {
    app.add_option("--weights", a.options.weights, "Weights of a recogniser (model.safetensors or .pth)");
    app.add_option("--protocol", a.protocol, "verification: pairs of images; ijb: templates, 1:1 and 1:N")
        ->check(CLI::IsMember({"verification", "ijb"}));
    app.add_option("--bin", a.options.bins,
                   "Verification set (lfw.bin) or a folder of them, with bgr: in front if its images hold "
                   "blue first; "
                   "may be given several times")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->default_str("");
    app.add_option("--pairs", a.options.pairs, "List of pairs (pairs.txt)");
    app.add_option("--root", a.options.root, "Folder of the images of --pairs");
    app.add_option("--scores", a.options.scores,
                   "Text of `score label` lines (1 same, 0 different) instead of a model");
    app.add_option("--ijb", a.options.ijb, "Folder of IJB-B or IJB-C, with meta and loose_crop in it");
    app.add_option("--set", a.options.set, "What the names of the lists in meta begin with: ijbb or ijbc");
}

void add_how(CLI::App& app, Arguments& a) {
    app.add_flag("--no-flip", a.no_flip, "Embed the image alone, without its mirror");
    app.add_flag("--no-detector-score", a.no_detector_score, "IJB: all images of a medium count the same");
    app.add_flag("--normalise-images,!--keep-norm", a.options.normalise_images,
                 "IJB: normalise the images' features before they are pooled. As published they are kept as "
                 "they are, so that long ones count more");
    add_image_options(app);
    app.add_option("--batch", a.options.embed.batch, "Images at a time; does not change results")
        ->check(CLI::PositiveNumber);
    add_device_option(app, a.device);
    app.add_option("--threads", a.threads, "Threads; 0: one per core. Does not change results")
        ->check(CLI::Range(0, 1024));
}

void add_outputs(CLI::App& app, Arguments& a) {
    app.add_option(
           "--calibrate", a.calibrate_far,
           "Also find the threshold for this false accept rate, e.g. 0.001, with its confidence interval; "
           "0: do not")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--roc", a.roc, "Write the ROC curve to this file: .svg a picture, .csv numbers");
    app.add_option("--det", a.det, "Write the DET curve to this file: .svg a picture, .csv numbers");
    app.add_option("--json", a.json, "Write the result as JSON to this file; - for standard output");
}

/// All files that an evaluation reads.
std::vector<lafs::NamedPath> inputs_of(const lafs::EvaluateOptions& options) {
    std::vector<lafs::NamedPath> inputs{{"--weights", options.weights},
                                        {"--pairs", options.pairs},
                                        {"--root", options.root},
                                        {"--scores", options.scores},
                                        {"--ijb", options.ijb}};
    for (const std::filesystem::path& bin : options.bins)
        inputs.push_back({"--bin", bin});
    std::error_code ignored;  // a folder that is not there has no lists
    for (const auto& list : std::filesystem::directory_iterator(options.ijb / "meta", ignored))
        inputs.push_back({"--ijb", list.path()});
    return inputs;
}

int evaluate(Arguments& a) {
    lafs::require(a.protocol == "ijb" || a.options.ijb.empty(), "evaluate",
                  "--ijb belongs to --protocol ijb");
    lafs::require(a.protocol != "ijb" || !a.options.ijb.empty(), "evaluate",
                  "--protocol ijb needs --ijb, the folder of the set");
    for (const std::filesystem::path& file : {a.roc, a.det})
        if (!file.empty())
            lafs::check_curve_file(file);
    lafs::check_outputs({{"--json", a.json == "-" ? "" : a.json}, {"--roc", a.roc}, {"--det", a.det}},
                        inputs_of(a.options));
    if (a.threads > 0)
        lafs::set_threads(a.threads);
    a.options.embed.mirrored = !a.no_flip;
    a.options.use_detector_score = !a.no_detector_score;
    if (a.calibrate_far > 0)
        a.options.calibrate_far = a.calibrate_far;

    const lafs::EvaluateResult result = lafs::evaluate(
        a.options, [&](const std::filesystem::path& weights) { return open_embedder(a.device, weights); });
    const std::string json = lafs::json_text(result.json, 2) + "\n";
    for (const std::string& warning : result.warnings)
        std::fprintf(stderr, "warning: %s\n", lafs::valid_utf8(warning).c_str());
    std::fputs(a.json == "-" ? json.c_str() : result.text.c_str(), stdout);
    if (!a.json.empty() && a.json != "-")
        lafs::write_file(a.json, json);
    if (!a.roc.empty())
        lafs::write_curves(a.roc, result.curves, lafs::CurvePlot::roc);
    if (!a.det.empty())
        lafs::write_curves(a.det, result.curves, lafs::CurvePlot::det);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Evaluates a recogniser. Verification sets: ten-fold accuracy, best threshold, TAR at FAR. IJB: TAR "
        "at "
        "FAR of\npairs of templates, and identification in galleries. Also the threshold for a wanted false "
        "accept rate."};
    app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    Arguments arguments;
    add_inputs(app, arguments);
    add_how(app, arguments);
    add_outputs(app, arguments);
    return run_program(app, argc, argv, [&] { return evaluate(arguments); });
}
