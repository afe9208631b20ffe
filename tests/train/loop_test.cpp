#include <fstream>
#include <lafs/autograd/expression.hpp>
#include <lafs/train/loop.hpp>
#include <lafs/train/sampler.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::message_of, lafs_test::TemporaryFolder;

/// w <- w - 0.1 (w - u), u random: a training whose every step depends on all before it.
struct RandomWalk final : lafs::TrainingTask {
    explicit RandomWalk(lafs::RunOptions options) : run(std::move(options)), sampler(10, 3, run.seed) {}

    std::string name() const override { return "walk"; }
    nlohmann::ordered_json settings() const override { return run_settings(run); }
    std::int64_t steps_per_epoch() const override { return sampler.steps_per_epoch(); }
    lafs::StepResult train_step(std::int64_t step) override {
        if (step == dies_at)
            throw std::runtime_error("killed");
        const auto stream = lafs::default_generator().take();
        for (const std::int64_t index : sampler.indices(step))
            w -= 0.1 * (w - lafs::normal_at(run.seed, stream, static_cast<std::uint64_t>(index)));
        if (step == breaks_at)
            w = std::nan("");
        return {w, 3, {}};
    }
    std::vector<lafs::LogField> end_epoch(std::int64_t) override { return {{"accuracy", w}}; }
    void save_state(lafs::SafetensorsWriter& writer) override { writer.add("w", {}, std::vector<double>{w}); }
    void load_state(const lafs::SafetensorsFile& file) override { w = file.read<double>("w").at(0); }
    void export_weights(const fs::path& out) override {
        std::ofstream(out / "weights.txt") << std::hexfloat << w;
    }
    void write_report(const fs::path& file, const fs::path&) override { std::ofstream(file) << "done"; }

    lafs::RunOptions run;
    lafs::EpochSampler sampler;
    double w = 1.0;
    std::int64_t dies_at = -1, breaks_at = -1;
};

lafs::RunOptions options_for(const fs::path& out) {
    lafs::RunOptions run;
    run.out = out;
    run.data = "none";
    run.epochs = 4;
    run.batch = 3;
    run.seed = 7;
    run.save_every = 2;
    return run;
}

double run_to_end(const fs::path& out) {
    RandomWalk task(options_for(out));
    REQUIRE(lafs::run_training(task, task.run));
    return task.w;
}

std::string lines_without_speed(const fs::path& file) {
    std::ifstream in(file);
    std::string text, line;
    while (std::getline(in, line))
        text += line.substr(0, line.find("\"images_per_second\"")) + "\n";
    return text;
}

}  // namespace

TEST_CASE("a run that dies at any step and is resumed ends with the same bits and the same log", "[train]") {
    const TemporaryFolder whole;
    const double expected = run_to_end(whole.path());
    for (std::int64_t death = 0; death < 12; ++death) {
        const TemporaryFolder folder;
        auto run = options_for(folder.path());
        {
            RandomWalk task(run);
            task.dies_at = death;
            CHECK_THROWS_AS(lafs::run_training(task, run), std::runtime_error);
        }
        run.resume = true;
        RandomWalk task(run);
        REQUIRE(lafs::run_training(task, run));
        CHECK(task.w == expected);
        CHECK(lines_without_speed(folder.path() / "log.jsonl") ==
              lines_without_speed(whole.path() / "log.jsonl"));
        CHECK(fs::exists(folder.path() / "report.html"));
    }
}

TEST_CASE("a finished run is not overwritten, and resuming it changes nothing", "[train]") {
    const TemporaryFolder folder;
    const double expected = run_to_end(folder.path());
    auto run = options_for(folder.path());
    RandomWalk again(run);
    CHECK(message_of([&] { lafs::run_training(again, run); }).find("--resume") != std::string::npos);
    run.resume = true;
    RandomWalk resumed(run);
    REQUIRE(lafs::run_training(resumed, run));
    CHECK(resumed.w == expected);
}

TEST_CASE("resuming under other options names each that differs and leaves the state whole", "[train]") {
    const TemporaryFolder folder;
    run_to_end(folder.path());
    const auto size = fs::file_size(folder.path() / "state.safetensors");
    auto run = options_for(folder.path());
    run.resume = true;
    run.batch = 5;
    run.seed = 8;
    RandomWalk task(run);
    const std::string error = message_of([&] { lafs::run_training(task, run); });
    CHECK(error.find("batch: 3 then, 5 now") != std::string::npos);
    CHECK(error.find("seed: 7 then, 8 now") != std::string::npos);
    CHECK(fs::file_size(folder.path() / "state.safetensors") == size);
}

TEST_CASE("a loss that is not finite stops the run and names the step and the last good state", "[train]") {
    const TemporaryFolder folder;
    auto run = options_for(folder.path());
    RandomWalk task(run);
    task.breaks_at = 7;
    const std::string error = message_of([&] { lafs::run_training(task, run); });
    CHECK(error.find("step 7") != std::string::npos);
    CHECK(error.find("after step 5") != std::string::npos);
    CHECK(error.find((folder.path() / "state.safetensors").string()) != std::string::npos);
    run.resume = true;
    RandomWalk resumed(run);
    CHECK(lafs::run_training(resumed, run));
}

TEST_CASE("a damaged state or one of another task is refused", "[train]") {
    const TemporaryFolder folder;
    run_to_end(folder.path());
    auto run = options_for(folder.path());
    run.resume = true;
    fs::resize_file(folder.path() / "state.safetensors", 20);
    RandomWalk task(run);
    CHECK_THROWS_AS(lafs::run_training(task, run), lafs::Error);
    lafs::SafetensorsWriter writer;
    writer.metadata("format", "something else");
    writer.save(folder.path() / "state.safetensors");
    CHECK(message_of([&] { lafs::run_training(task, run); }).find("not the state of a run of walk") !=
          std::string::npos);
}

TEST_CASE("an output folder that cannot be made is a clear error", "[train]") {
    auto run = options_for("/proc/lafs-cannot-be-made");
    RandomWalk task(run);
    CHECK(message_of([&] { lafs::run_training(task, run); }).find("cannot make the folder") !=
          std::string::npos);
}

TEST_CASE("every epoch is a permutation, cut into batches, the same for the same seed", "[train]") {
    lafs::EpochSampler sampler(11, 3, 5), same(11, 3, 5), other(11, 3, 6);
    CHECK(sampler.steps_per_epoch() == 3);
    std::vector<std::int64_t> first, second;
    for (std::int64_t step = 0; step < 6; ++step)
        for (const std::int64_t index : sampler.indices(step))
            (step < 3 ? first : second).push_back(index);
    CHECK(first != second);
    for (auto seen : {first, second}) {
        std::sort(seen.begin(), seen.end());
        CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
        CHECK((seen.front() >= 0 && seen.back() < 11));
    }
    // Any step can be asked for first.
    const auto direct = same.indices(4);
    CHECK(std::vector(direct.begin(), direct.end()) == std::vector(second.begin() + 3, second.begin() + 6));
    const auto differs = other.indices(4);
    CHECK(std::vector(differs.begin(), differs.end()) != std::vector(second.begin() + 3, second.begin() + 6));
    CHECK(lafs::EpochSampler(2, 32, 1).batch() == 2);
    CHECK_THROWS_AS(lafs::EpochSampler(0, 32, 1), lafs::Error);
}

TEST_CASE("checkpoints of some epochs stay", "[train]") {
    const TemporaryFolder folder;
    auto run = options_for(folder.path());
    run.keep_every = 2;
    RandomWalk task(run);
    REQUIRE(lafs::run_training(task, run));
    const auto weights = [&](const fs::path& from) { return lafs_test::read_text(from / "weights.txt"); };
    CHECK_FALSE(fs::exists(folder / "epoch-0001"));
    CHECK_FALSE(fs::exists(folder / "epoch-0003"));
    CHECK(weights(folder / "epoch-0004") == weights(folder.path()));
    // As a run that ended there would have left them: the walk has no schedule.
    const TemporaryFolder half;
    auto shorter = options_for(half.path());
    shorter.epochs = 2;
    RandomWalk two(shorter);
    REQUIRE(lafs::run_training(two, shorter));
    CHECK(weights(folder / "epoch-0002") == weights(half.path()));
    run.keep_every = -1;
    CHECK_THROWS_AS(lafs::check_run_options(run), lafs::Error);
}

TEST_CASE("what a task says during a run goes beside the bar, afterwards to standard error", "[train]") {
    struct Speaker final : lafs::TrainingTask {
        std::string name() const override { return "speaker"; }
        nlohmann::ordered_json settings() const override { return {}; }
        std::int64_t steps_per_epoch() const override { return 1; }
        lafs::StepResult train_step(std::int64_t) override { return {1, 1, {}}; }
        std::vector<lafs::LogField> end_epoch(std::int64_t) override {
            say("half way");
            return {};
        }
        void save_state(lafs::SafetensorsWriter& writer) override {
            writer.add("w", {}, std::vector<double>{1});
        }
        void load_state(const lafs::SafetensorsFile&) override {}
        void export_weights(const fs::path&) override {}
        void write_report(const fs::path&, const fs::path&) override { say("after it"); }
    } task;
    std::vector<std::string> said;
    task.on_say([&](const std::string& line) { said.push_back(line); });
    task.say("before");
    CHECK(said == std::vector<std::string>{"before"});
    const TemporaryFolder folder;
    auto run = options_for(folder.path());
    run.epochs = 1;
    CHECK(lafs::run_training(task, run));
    CHECK(said.size() == 1);  // the run took them over, and gave them back to standard error
}
