// The programs with an IResNet: trained, embedded, converted, used as a start; refused where a transformer is needed.
#include <filesystem>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::operator+;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::read_text,
    lafs_test::succeed, lafs_test::TemporaryFolder;

}  // namespace

TEST_CASE("an IResNet goes through the programs as a transformer does", "[programs]") {
    const TemporaryFolder folder;
    const std::string data = "synthetic:ids=4,images=2",
                      model = "iresnet18:blocks=1-1-1-1,width=2,features=8";
    const auto train = [&](const char* out) {
        return Arguments{"--data", data, "--batch", "4", "--epochs", "1", "--out", folder / out};
    };
    succeed("lafs_finetune", train("one") + Arguments{"--model", model, "--head", "magface"});
    const fs::path weights = folder / "one" / "model.safetensors", checkpoint = folder / "model.pth";
    CHECK_FALSE(fs::exists(folder / "one" / "landmarks.safetensors"));
    check_contains(read_text(folder / "one" / "report.html"), "Training");
    check_contains(succeed("lafs_convert", {weights, checkpoint}),
                   "of the model iresnet50:blocks=1-1-1-1,width=2,features=8");

    for (const fs::path& file : {weights, checkpoint})
        succeed("lafs_embed", {"--weights", file, "--data", data, "--out",
                               folder / (file.stem().string() + file.extension().string() + ".npy")});
    CHECK(read_text(folder / "model.safetensors.npy") == read_text(folder / "model.pth.npy"));

    check_contains(
        succeed("lafs_finetune", train("two") + Arguments{"--model", model, "--init-backbone", checkpoint}),
        "115 of 115 tensors found");
    check_contains(failure("lafs_finetune", train("x") + Arguments{"--model", "iresnet18:features=8",
                                                                   "--init-backbone", checkpoint}),
                   "the file holds the model iresnet50:blocks=1-1-1-1,width=2,features=8");
    check_contains(
        failure("lafs_finetune", train("x") + Arguments{"--model", model, "--init-landmarks", checkpoint}),
        "has no landmark CNN");
    check_contains(failure("lafs_pretrain", train("x") + Arguments{"--model", model, "--method", "dino"}),
                   "expected a transformer");
}
