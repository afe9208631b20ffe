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

/// CosFace with a trained number of its own, which the loss draws to 2.
struct OwnHead final : lafs::MarginHead<float, lafs::Guarded> {
    using Values = lafs::Variable<float, lafs::Guarded>;
    Values own{lafs::Tensor<float, lafs::Guarded>::full({1}, 0), true};
    using MarginHead::loss, MarginHead::MarginHead;

    void visit(lafs::Visitor<float, lafs::Guarded>& visitor) override {
        MarginHead::visit(visitor);
        visitor.parameter("own", own);
    }
    Values margin(const Values& cosine) const override { return cosine - 0.4; }
    Values loss(const Values& features,
                const lafs::Tensor<std::int64_t, lafs::Guarded>& labels) const override {
        return MarginHead::loss(features, labels) + lafs::mean(Values(square(own - 2)));
    }
};

lafs::FinetuneOptions small_run(const std::filesystem::path& out) {
    lafs::FinetuneOptions options;
    options.run.model = model;
    options.run.epochs = 2;
    options.run.batch = 6;
    options.run.learning_rate = 1e-3;
    options.run.out = out;
    return options;
}

}  // namespace

TEST_CASE("a run with a head and a source of the program", "[programs]") {
    using Task = lafs::BasicFinetuneTask<float, lafs::Guarded>;
    const lafs_test::TemporaryFolder folder;
    // By their names: what they make is the library's, so the bits are.
    lafs::register_head<float, lafs::Guarded>(
        "mine", [](const lafs::HeadOptions&, std::int64_t features, std::int64_t classes) {
            return std::make_unique<lafs::CosFace<float, lafs::Guarded>>(features, classes);
        });
    lafs::register_source("mine", [](const std::string& rest) { return lafs::open_source(rest); });
    auto by_name = small_run(folder / "name"), published = small_run(folder / "published");
    by_name.run.data = "mine:" + data;
    by_name.head.name = "mine";
    published.run.data = data;
    Task named(by_name), usual(published);
    REQUIRE(run_training(named, by_name.run));
    REQUIRE(run_training(usual, published.run));
    CHECK(same_bytes(folder / "name" / "model.safetensors", folder / "published" / "model.safetensors"));

    // Made outside: cut as the options say, saved and resumed with all that is the head's own.
    auto outside = small_run(folder / "outside");
    outside.few_shot = 2;
    const auto parts = [&](std::int64_t identities) {
        lafs::FinetuneParts<float, lafs::Guarded> made;
        made.source = lafs::open_source(data);
        made.head = std::make_unique<OwnHead>(32, identities, 64);
        return made;
    };
    CHECK_THROWS_AS(Task(outside, parts(7)), lafs::Error);
    Task task(outside, parts(6));
    CHECK(task.steps_per_epoch() == 2);
    REQUIRE(run_training(task, outside.run));
    const auto state = lafs::SafetensorsFile::open(folder / "outside" / "state.safetensors");
    const float own = state.read<float>("loss.own").at(0);
    CHECK(own > 0.001f);  // four steps of about the learning rate each
    CHECK(own < 0.005f);
    outside.run.resume = true;
    Task resumed(outside, parts(6));
    REQUIRE(run_training(resumed, outside.run));
    outside.run.data = "another";
    Task renamed(outside, parts(6));
    CHECK_THROWS_AS(run_training(renamed, outside.run), lafs::Error);
}

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
        REQUIRE(task.verification().size() == 1);  // embedded on the device, too
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

TEST_CASE("so has a convolutional network under a head with running averages", "[programs]") {
    const lafs_test::TemporaryFolder folder;
    lafs::FinetuneOptions options = small_run(folder / "task");
    options.run.data = data;
    options.run.seed = 7;
    options.mixup = 0.5;
    options.head.name = "adaface";
    for (const char* network :
         {"iresnet18:blocks=1-1-1-1,width=2,features=8", "mobilefacenet:blocks=1-1-1-1,width=2,features=8"}) {
        options.run.model = network;
        options.run.out = folder / (std::string("task_") + network);
        const auto program = folder / (std::string("program_") + network);
        const auto result = lafs_test::run_program(
            "lafs_finetune", {"--data", data, "--model", network, "--epochs", "2", "--batch", "6", "--seed",
                              "7", "--mixup", "0.5", "--lr", "1e-3", "--head", "adaface", "--out", program});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        lafs::BasicFinetuneTask<float, lafs::Guarded> task(options);
        REQUIRE(run_training(task, options.run));
        for (const char* file : {"model.safetensors", "state.safetensors"})
            CHECK(same_bytes(program / file, options.run.out / file));
    }
}
