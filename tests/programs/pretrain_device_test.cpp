// Pre-training names no device: on one whose memory only primitives may touch it gives the weights that
// lafs_pretrain gives on the CPU, bit for bit.
#include <lafs/testing/guarded_device.hpp>
#include <lafs/train/pretrain.hpp>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

using lafs_test::Arguments, lafs_test::operator+;

const std::string data = "synthetic:ids=4,images=3";
const std::string model = "tiny:depth=2,width=32,heads=1,hidden=32";

bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b) {
    return lafs_test::read_text(a) == lafs_test::read_text(b);
}

void check_same(const Arguments& arguments, lafs::PretrainOptions options) {
    const lafs_test::TemporaryFolder folder;
    const Arguments common{"--data",
                           data,
                           "--model",
                           model,
                           "--epochs",
                           "2",
                           "--batch",
                           "3",
                           "--local-views",
                           "2",
                           "--prototypes",
                           "40",
                           "--seed",
                           "7",
                           "--head-hidden",
                           "48",
                           "--freeze-last-layer",
                           "1",
                           "--bottleneck",
                           "24",
                           "--out",
                           folder / "program"};
    const auto result = lafs_test::run_program("lafs_pretrain", common + arguments);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);

    options.run.data = data;
    options.run.model = model;
    options.run.epochs = 2;
    options.run.batch = 3;
    options.run.seed = 7;
    options.run.out = folder / "task";
    options.local_views = 2;
    options.prototypes = 40;
    options.head_hidden = 48;
    options.bottleneck = 24;
    options.probe.data =
        "synthetic:ids=4,images=2";  // asked on the device, and without effect on the weights
    lafs::BasicPretrainTask<float, lafs::Guarded> task(options);
    REQUIRE(run_training(task, options.run));
    for (const char* file : {"teacher.safetensors", "state.safetensors"})
        CHECK(same_bytes(folder / "program" / file, folder / "task" / file));
}

}  // namespace

TEST_CASE("pre-training on a guarded device has the bits of the CPU", "[programs]") {
    const lafs_test::TemporaryFolder folder;
    const auto landmarks = folder / "run" / "landmarks.safetensors";
    REQUIRE(lafs_test::run_program("lafs_finetune", Arguments{"--data", data, "--model", model, "--epochs",
                                                              "0", "--out", folder / "run"})
                .exit_code == 0);
    lafs::PretrainOptions options;
    options.method = "lafs";
    options.landmarks = landmarks;
    check_same({"--method", "lafs", "--landmarks", landmarks}, options);

    options = {};
    options.method = "dino";
    options.optimizer = "lars";
    check_same({"--method", "dino", "--optimizer", "lars"}, options);
}
