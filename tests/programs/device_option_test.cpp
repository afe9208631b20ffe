// --device: a device that cannot be used is an error that says why, never a run on another.
#include "catch.hpp"
#include "run_program.hpp"

namespace {

using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::TemporaryFolder,
    lafs_test::operator+;

Arguments run_of(const std::filesystem::path& out) {
    return {"--data",   "synthetic:ids=2,images=2",
            "--model",  "grid-tiny:depth=1,dim=32,heads=1,mlp=32",
            "--batch",  "2",
            "--epochs", "0",
            "--out",    out};
}

}  // namespace

TEST_CASE("--device cpu is the default, and other texts are refused", "[programs]") {
    const TemporaryFolder folder;
    const auto result =
        lafs_test::run_program("lafs_finetune", run_of(folder / "run") + Arguments{"--device", "cpu"});
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    for (const char* program : {"lafs_finetune", "lafs_pretrain"}) {
        const auto refused =
            lafs_test::run_program(program, run_of(folder / "other") + Arguments{"--device", "gpu"});
        CHECK(refused.exit_code != 0);
        check_contains(refused.errors, "got \"gpu\", expected cpu, cuda or cuda:N");
    }
    CHECK_FALSE(exists(folder / "other"));
}

namespace {

/// What is missing, CUDA in the program, a driver or so many GPUs, depends on the machine.
void check_reason(const std::string& message) {
    INFO(message);
    const bool reason = message.find("this program was built without CUDA") != std::string::npos ||
                        message.find("no NVIDIA driver is installed") != std::string::npos ||
                        message.find("no GPU can be used") != std::string::npos ||
                        message.find("got GPU 4000") != std::string::npos;
    CHECK(reason);
}

}  // namespace

TEST_CASE("--device cuda without a GPU that can be used says why, and trains nothing", "[programs]") {
    const TemporaryFolder folder;
    const Arguments run = run_of(folder / "run") + Arguments{"--device", "cuda:4000"};
    check_reason(failure("lafs_finetune", run));
    check_reason(failure("lafs_pretrain", run + Arguments{"--method", "dino"}));
    CHECK_FALSE(exists(folder / "run"));
}

TEST_CASE("the tools that embed take --device", "[programs]") {
    const TemporaryFolder folder;
    REQUIRE(lafs_test::run_program("lafs_finetune", run_of(folder / "run")).exit_code == 0);
    const Arguments weights{"--weights", folder / "run" / "model.safetensors"}, gpu{"--device", "cuda:4000"};
    const Arguments embed =
        weights + Arguments{"--data", "synthetic:ids=2,images=2", "--out", folder / "rows.npy"};
    check_reason(failure("lafs_embed", embed + gpu));
    CHECK_FALSE(exists(folder / "rows.npy"));
    check_contains(failure("lafs_embed", embed + Arguments{"--device", "tpu"}), "got \"tpu\"");
    CHECK(lafs_test::run_program("lafs_embed", embed + Arguments{"--device", "cpu"}).exit_code == 0);
    CHECK(exists(folder / "rows.npy"));

    const auto faces = folder / "faces";
    REQUIRE(lafs_test::run_program("lafs_export",
                                   {"--data", "synthetic:ids=10,images=2", "--pairs", "20", "--out", faces})
                .exit_code == 0);
    lafs_test::write_text(folder / "face.ppm",
                          "P6 112 112 255\n" + std::string(std::size_t{112} * 112 * 3, 'x'));
    const Arguments compare = weights + Arguments{folder / "face.ppm", folder / "face.ppm"};
    check_reason(failure("lafs_compare", compare + gpu));
    check_contains(lafs_test::succeed("lafs_compare", compare + Arguments{"--device", "cpu"}),
                   "cosine            1.0000");
    const Arguments evaluate =
        weights + Arguments{"--pairs", faces / "pairs.txt", "--root", faces / "images"};
    check_reason(failure("lafs_evaluate", evaluate + gpu));
    check_contains(lafs_test::succeed("lafs_evaluate", evaluate + Arguments{"--device", "cpu"}), "accuracy");
}
