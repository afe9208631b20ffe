// The trainers follow the published rules: learning rates, what is decayed, crops; their values by hand.
#include <algorithm>
#include <cmath>
#include <lafs/io/safetensors.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::run_program,
    lafs_test::TemporaryFolder, lafs_test::operator+;
namespace fs = std::filesystem;

const std::string sizes = ":depth=1,width=32,heads=1,hidden=32";

void run(const std::string& program, const Arguments& arguments) {
    const auto result = run_program(program, arguments);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
}

/// A number of each step of a run's log.
std::vector<double> logged(const fs::path& out, const std::string& key) {
    std::vector<double> values;
    std::istringstream lines(lafs_test::read_text(out / "log.jsonl"));
    for (std::string line; std::getline(lines, line);) {
        const auto entry = nlohmann::json::parse(line);
        if (entry.contains(key))
            values.push_back(entry.at(key).get<double>());
    }
    return values;
}

Arguments finetune(const fs::path& out) {
    return {"--data",       "synthetic:ids=6,images=2",
            "--model",      "tiny" + sizes,
            "--batch",      "2",
            "--accumulate", "3",
            "--epochs",     "1",
            "--out",        out};
}

Arguments baseline(const fs::path& out) {
    return {"--data",        "synthetic:ids=6,images=2",
            "--model",       "grid-tiny" + sizes,
            "--method",      "dino",
            "--batch",       "4",
            "--epochs",      "1",
            "--local-views", "1",
            "--prototypes",  "32",
            "--head-hidden", "16",
            "--bottleneck",  "8",
            "--out",         out};
}

std::vector<float> weights(const fs::path& out, const std::string& name) {
    return lafs::SafetensorsFile::open(out / "model.safetensors").read<float>(name);
}

/// The largest |after - factor * before|: what one step of AdamW adds to decay, about its learning rate.
double besides_decay(const std::vector<float>& before, const std::vector<float>& after, double factor) {
    REQUIRE(before.size() == after.size());
    double worst = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
        worst = std::max(worst, std::abs(double{after[i]} - factor * double{before[i]}));
    return worst;
}

}  // namespace

TEST_CASE("the trainers' learning rates are the published rules", "[programs]") {
    const TemporaryFolder folder;
    run("lafs_finetune", finetune(folder / "f"));
    const auto supervised = logged(folder / "f", "lr");
    REQUIRE(supervised.size() == 2);
    CHECK(supervised[0] == Approx(0.7e-3 * 3 * std::sqrt(2.0 / 336)).epsilon(1e-12));

    // Three steps of a cosine without warm-up: (1 + cos(2 pi / 3)) / 2 is a quarter.
    run("lafs_pretrain", baseline(folder / "p"));
    const auto pretraining = logged(folder / "p", "lr");
    REQUIRE(pretraining.size() == 3);
    CHECK(pretraining[0] == Approx(5e-4 * 4 / 256).epsilon(1e-12));
    CHECK(pretraining[2] == Approx(1e-6 + (5e-4 * 4 / 256 - 1e-6) / 4).epsilon(1e-12));
    run("lafs_pretrain", baseline(folder / "m") + Arguments{"--min-lr", "3e-6"});
    CHECK(logged(folder / "m", "lr")[2] == Approx(3e-6 + (5e-4 * 4 / 256 - 3e-6) / 4).epsilon(1e-12));
}

TEST_CASE("stage 1 decays all parameters, stage 3 those of two axes and more", "[programs]") {
    // One step with learning rate 1e-3 and weight decay 100: what is decayed loses a tenth, at half decay a
    // twentieth, and everything moves by at most about 1e-3 besides.
    const TemporaryFolder folder;
    const Arguments first = finetune("") + Arguments{"--lr", "1e-3", "--weight-decay", "100", "--batch", "4"};
    run("lafs_finetune", first + Arguments{"--epochs", "0", "--out", folder / "0"});
    run("lafs_finetune", first + Arguments{"--out", folder / "1"});
    run("lafs_finetune", first + Arguments{"--init-backbone", folder / "0" / "model.safetensors",
                                           "--init-landmarks", folder / "0" / "landmarks.safetensors",
                                           "--layer-decay", "1", "--out", folder / "3"});
    struct Expected {
        const char* name;
        double first, third;
    };
    for (const auto& [name, stage1, stage3] : {Expected{"pos_embedding", 0.9, 0.9},
                                               {"transformer.layers.0.0.fn.norm.weight", 0.9, 1},
                                               {"mlp_head.0.weight", 0.9, 1},
                                               {"loss.weight", 0.9, 0.9},
                                               {"stn.features.0.0.weight", 0.95, 0.95},
                                               {"stn.features.0.1.weight", 0.95, 1},
                                               {"output_layer.1.weight", 0.95, 0.9}}) {
        INFO(name);
        const auto before = weights(folder / "0", name);
        REQUIRE(*std::max_element(before.begin(), before.end()) > 0.05f);  // else decay would not show
        CHECK(besides_decay(before, weights(folder / "1", name), stage1) < 1.1e-3);
        CHECK(besides_decay(before, weights(folder / "3", name), stage3) < 1.1e-3);
    }
}

TEST_CASE("the crops of pre-training can be chosen, within reason", "[programs]") {
    const TemporaryFolder folder;
    const auto loss = [&](const std::string& name, const Arguments& more) {
        run("lafs_pretrain", baseline(folder / name) + more);
        return logged(folder / name, "loss");
    };
    const auto usual = loss("usual", {});
    CHECK(loss("same", {"--global-scale", "0.4-1", "--local-scale", "0.05,0.4", "--local-size", "48",
                        "--local-tokens", "36"}) == usual);
    CHECK(loss("global", {"--global-scale", "0.9-1"}) != usual);
    CHECK(loss("local", {"--local-scale", "0.3-0.4"}) != usual);
    CHECK(loss("size", {"--local-size", "56"}) != usual);

    const auto refused = [&](const Arguments& more) {
        return failure("lafs_pretrain", baseline(folder / "refused") + more);
    };
    check_contains(refused({"--local-size", "50"}),
                   "got --local-size 50, expected a multiple of the patches' 8");
    check_contains(refused({"--local-size", "120"}), "up to 112");
    check_contains(refused({"--local-tokens", "25"}), "got --local-tokens 25, expected 36");
    check_contains(refused({"--method", "lafs", "--landmarks", "x", "--local-size", "48"}),
                   "got --local-size 48, expected 112");
    check_contains(refused({"--global-scale", "0.4"}), "got --global-scale 0.4, expected two numbers");
    check_contains(refused({"--local-scale", "0.4-0.1"}), "got shares of the area 0.4 .. 0.1");
    check_contains(refused({"--min-lr", "-1"}), "got --min-lr -1");
}

TEST_CASE("dropout in the teacher is an option, and all that it changes is dropout", "[programs]") {
    const TemporaryFolder folder;
    const auto loss = [&](const std::string& name, const Arguments& more) {
        run("lafs_pretrain", baseline(folder / name) + more);
        return logged(folder / name, "loss");
    };
    const Arguments none{"--dropout", "0", "--drop-path", "0"}, teacher{"--teacher-dropout"};
    CHECK(loss("none", none) == loss("none too", none + teacher));
    CHECK(loss("student", {}) != loss("both", teacher));
}
