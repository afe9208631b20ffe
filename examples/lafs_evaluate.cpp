// Verification of a model on pairs of images.
#include <lafs/io/atomic_file.hpp>
#include <lafs/train/face_model.hpp>
#include <lafs/train/verification_report.hpp>
#include <lafs/train/verify_pairs.hpp>

#include "run_options_cli.hpp"

int main(int argc, char** argv) {
    CLI::App app{"Verifies a model on pairs of faces: ten-fold accuracy, best threshold, TAR at FAR."};
    app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    std::filesystem::path weights, pairs, root;
    std::string json;
    std::int64_t batch = 32;
    int threads = 0;
    app.add_option("--weights", weights, "Weights of a recogniser (model.safetensors)")->required();
    app.add_option("--pairs", pairs, "List of pairs (pairs.txt)")->required();
    app.add_option("--root", root, "Folder of the pairs' images")->required();
    app.add_option("--json", json, "Write the result as JSON to this file; - for standard output");
    app.add_option("--batch", batch, "Images at a time; does not change results")->check(CLI::PositiveNumber);
    app.add_option("--threads", threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
    CLI11_PARSE(app, argc, argv);
    return run_program([&] {
        if (threads > 0)
            lafs::set_threads(threads);
        auto model = lafs::load_face_model(weights);
        const auto set = lafs::pair_set(lafs::read_pairs(pairs, root));
        const auto result = lafs::verify_pairs(
            set, [&](const auto& images) { return model.embed(images); }, batch);
        const std::string text = lafs::verification_json(result).dump(2) + "\n";
        if (json == "-")
            std::fputs(text.c_str(), stdout);
        else
            std::fputs(lafs::verification_text(result).c_str(), stdout);
        if (!json.empty() && json != "-")
            lafs::write_file(json, text);
        return 0;
    });
}
