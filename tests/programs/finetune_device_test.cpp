// Supervised training names no device: on one whose memory only primitives may touch it gives the weights
// that lafs_finetune gives on the CPU, bit for bit.
#include <lafs/testing/guarded_device.hpp>
#include <lafs/train/finetune.hpp>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

using lafs_test::Arguments, lafs_test::operator+;

const std::string data = "synthetic:ids=6,images=3";
const std::string model = "tiny:depth=2,width=32,heads=1,hidden=32";

bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b) {
    return lafs_test::read_text(a) == lafs_test::read_text(b);
}

}  // namespace

TEST_CASE("supervised training on a guarded device has the bits of the CPU", "[programs]") {
    const lafs_test::TemporaryFolder folder;
    const auto program = folder / "program", task_folder = folder / "task";
    const Arguments common{"--data", data, "--model", model,  "--epochs", "2",    "--batch",      "3",
                           "--seed", "7",  "--scale", "16",   "--mixup",  "0.5",  "--accumulate", "2",
                           "--clip", "1",  "--lr",    "1e-3", "--out",    program};
    const auto result = lafs_test::run_program("lafs_finetune", common);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);

    lafs::FinetuneOptions options;
    options.run.data = data;
    options.run.model = model;
    options.run.epochs = 2;
    options.run.batch = 3;
    options.run.seed = 7;
    options.run.learning_rate = 1e-3;
    options.run.out = task_folder;
    options.head.scale = 16;
    options.mixup = 0.5;
    options.accumulate = 2;
    options.clip = 1;
    {
        lafs::BasicFinetuneTask<float, lafs::Guarded> task(options);
        REQUIRE(run_training(task, options.run));
        REQUIRE(task.verification());  // embedded on the device, too
    }
    for (const char* file : {"model.safetensors", "landmarks.safetensors", "state.safetensors"})
        CHECK(same_bytes(program / file, task_folder / file));

    // Goes on from what the program saved, with the landmark CNN held near where it was.
    const Arguments further{"--init-landmarks",
                            program / "landmarks.safetensors",
                            "--init-backbone",
                            program / "model.safetensors",
                            "--landmark-regularization",
                            "1",
                            "--head",
                            "arcface",
                            "--data",
                            data,
                            "--model",
                            model,
                            "--epochs",
                            "1",
                            "--batch",
                            "6",
                            "--seed",
                            "8",
                            "--out",
                            folder / "further"};
    REQUIRE(lafs_test::run_program("lafs_finetune", further).exit_code == 0);
    lafs::FinetuneOptions next;
    next.run = options.run;
    next.run.epochs = 1;
    next.run.batch = 6;
    next.run.seed = 8;
    next.run.learning_rate = 0;
    next.run.out = folder / "next";
    next.head.name = "arcface";
    next.init_landmarks = program / "landmarks.safetensors";
    next.init_backbone = program / "model.safetensors";
    next.landmark_regularization = 1;
    lafs::BasicFinetuneTask<float, lafs::Guarded> task(next);
    REQUIRE(run_training(task, next.run));
    CHECK(same_bytes(folder / "further" / "model.safetensors", folder / "next" / "model.safetensors"));
}
