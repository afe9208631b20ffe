// Programs take PyTorch checkpoints where they take safetensors, with no option, and give the same.
#include <lafs/data/source_pairs.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "shared_data.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::operator+;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::read_text,
    lafs_test::run_program, lafs_test::succeed, lafs_test::TemporaryFolder;

const Arguments small_run = {"--data", "synthetic:ids=4,images=2", "--batch", "4", "--seed", "3"};

Arguments supervised(const std::string& model, const fs::path& out, const std::string& epochs) {
    return small_run + Arguments{"--model", model, "--epochs", epochs, "--scale", "16", "--out", out};
}

Arguments self_supervised(const std::string& model, const fs::path& out) {
    return small_run + Arguments{"--model",      model, "--epochs",      "1",  "--local-views", "1",
                                 "--prototypes", "32",  "--head-hidden", "16", "--bottleneck",  "8",
                                 "--out",        out};
}

}  // namespace

TEST_CASE("the same weights as .pth give the same runs", "[programs]") {
    const TemporaryFolder folder;
    const std::string model = "tiny:depth=1,width=32,heads=1,hidden=32";
    succeed("lafs_finetune", supervised(model, folder / "first", "0"));
    const fs::path weights = folder / "first" / "model.safetensors", checkpoint = folder / "model.pth";
    succeed("lafs_convert", {weights, checkpoint});

    for (const fs::path& file : {weights, checkpoint}) {
        const fs::path out = folder / file.extension().string().substr(1);
        const std::string said =
            succeed("lafs_finetune", supervised(model, out / "three", "1") +
                                         Arguments{"--init-landmarks", file, "--init-backbone", file});
        check_contains(said, file.string() + ": 294 of 294 tensors found");
        check_contains(said, file.string() + ": 17 of 17 tensors found");
        succeed("lafs_pretrain", self_supervised(model, out / "two") + Arguments{"--landmarks", file});
    }
    for (const char* result : {"three/model.safetensors", "two/teacher.safetensors"})
        CHECK(read_text(folder / "pth" / result) == read_text(folder / "safetensors" / result));

    const auto source = lafs::open_source("synthetic:ids=10,images=2");
    lafs::write_image_folder(*source, folder / "images");
    lafs::write_pairs(
        folder / "pairs.txt",
        lafs::pairs_as_files(*source, lafs::make_pairs(*source, 20, 10, 1), 10, folder / "images"));
    const auto evaluated = [&](const fs::path& file) {
        const auto result = run_program("lafs_evaluate", {"--weights", file, "--pairs", folder / "pairs.txt",
                                                          "--root", folder / "images", "--json", "-"});
        INFO(result.errors);
        CHECK(result.exit_code == 0);
        return result.output;
    };
    const std::string accuracy = evaluated(weights);
    CHECK(!accuracy.empty());
    CHECK(evaluated(checkpoint) == accuracy);
}

TEST_CASE("published checkpoints start a training", "[programs]") {
    const auto root = lafs_test::shared("reference");
    if (!root)
        return;
    const TemporaryFolder folder;
    const std::string model = "base:width=64,depth=2,heads=3,hidden=128";
    const fs::path pretrained = *root / "11_lafs_checkpoint.pth", recogniser = *root / "12_part_fvit.pth";
    const std::string said = succeed(
        "lafs_finetune", supervised(model, folder / "three", "1") +
                             Arguments{"--init-landmarks", recogniser, "--init-backbone", pretrained});
    check_contains(said, "11_lafs_checkpoint.pth (teacher): 28 of 28 tensors found\n  8 left over: head.");
    check_contains(said, "12_part_fvit.pth: 294 of 294 tensors found");
    succeed("lafs_pretrain", self_supervised(model, folder / "two") + Arguments{"--landmarks", recogniser});

    const std::string other = failure("lafs_finetune", supervised("tiny", folder / "other", "1") +
                                                           Arguments{"--init-backbone", pretrained});
    check_contains(other, "the file does not fit the model");
    check_contains(other, "pos_embedding (1, 197, 64), expected (1, 197, 192)");
    check_contains(other,
                   "the file holds the model grid-base:width=64,depth=2,heads=3,hidden=128,tokens=196");
    check_contains(failure("lafs_pretrain",
                           self_supervised(model, folder / "none") + Arguments{"--landmarks", pretrained}),
                   "248 missing: stn.features.0.0.weight");
    CHECK(!fs::exists(folder / "other" / "model.safetensors"));
}

TEST_CASE("a published recogniser embeds a face", "[programs]") {
    const auto root = lafs_test::shared("reference");
    if (!root)
        return;
    const TemporaryFolder folder;
    const auto source = lafs::open_source("synthetic:ids=1,images=1");
    lafs::write_image_folder(*source, folder.path());
    fs::path face;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
        if (entry.is_regular_file())
            face = entry.path();
    const std::string said = succeed("lafs_quickstart", {face, *root / "12_part_fvit.pth"});
    check_contains(said, "embedding, 64 values:");
    check_contains(said, "landmarks, 196 points");
    check_contains(said, "322 of 322 tensors found\n  1 left over: loss.weight");
}
