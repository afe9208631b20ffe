// Writes a set of faces as an image folder with a list of verification pairs, for lafs_evaluate or to see.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <lafs/data/set_outputs.hpp>
#include <lafs/data/source_pairs.hpp>

#include "image_options.hpp"
#include "run_program.hpp"

int main(int argc, char** argv) {
    CLI::App app{"Writes a set of faces to OUT/images and verification pairs of them to OUT/pairs.txt."};
    app.option_defaults()->always_capture_default();
    std::string data = "synthetic:ids=100,images=10,first=1000000";
    std::filesystem::path out;
    std::int64_t pairs = 3000;
    int folds = 10;
    std::uint64_t seed = 0;
    lafs::SourceOptions options;
    app.add_option("--data", data,
                   "A set as the trainers take it (folder, train.rec), or "
                   "synthetic:ids=N,images=N[,seed=N][,first=N]; people number `first` and "
                   "above are not those of a training set synthetic:ids=N with N <= first");
    app.add_flag("--recursive", options.recursive, "Take the images in folders of an identity's folder, too");
    add_image_options(app);
    app.add_option("--out", out, "Folder to write")->required();
    app.add_option("--pairs", pairs, "Pairs, half of them of one person");
    app.add_option("--folds", folds, "Folds of the pairs");
    app.add_option("--seed", seed, "Seed of the choice of pairs");

    return run_program(app, argc, argv, [&] {
        const std::string found = lafs::result_in(out);
        lafs::require(found.empty(), "export", out, " holds a run or an export already (", found,
                      "), expected a new folder");
        lafs::check_apart(out, data);
        lafs::check_new_folder(out / "images", "");
        lafs::require(!std::filesystem::exists(out / "pairs.txt"), "export", out / "pairs.txt",
                      " exists already, expected a new folder");
        const auto source = lafs::open_source(data, options);
        const auto chosen = lafs::make_pairs(*source, pairs, folds, seed);
        lafs::write_image_folder(*source, out / "images");
        lafs::write_pairs(out / "pairs.txt", lafs::pairs_as_files(*source, chosen, folds, out / "images"));
        std::printf("%lld images in %s, %zu pairs in %s\n", static_cast<long long>(source->size()),
                    (out / "images").c_str(), chosen.size(), (out / "pairs.txt").c_str());
        return 0;
    });
}
