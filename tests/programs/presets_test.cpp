// The presets: every file through the parser of its program, and the published values.
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::read_text,
    lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text, lafs_test::operator+;
using Options = std::map<std::string, std::string>;

/// What a program makes of its command line.
Options options_of(const std::string& program, const Arguments& arguments) {
    const auto result = run_program(
        program, Arguments{"--data", "some/faces", "--out", "run", "--print-options"} + arguments);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    Options options;
    std::istringstream lines(result.output);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find(" = ");
        REQUIRE(equals != std::string::npos);
        options[line.substr(0, equals)] = line.substr(equals + 3);
    }
    return options;
}

Options preset(const std::string& program, const std::string& name) {
    return options_of(program, {"--preset", name});
}

void check_values(const Options& options, const Options& expected) {
    for (const auto& [name, value] : expected) {
        INFO(name << " = " << value);
        REQUIRE(options.contains(name));
        CHECK(options.at(name) == value);
    }
}

/// What differs between two runs, but not the first line.
std::vector<std::string> differences(const Options& a, const Options& b) {
    std::vector<std::string> names;
    for (const auto& [name, value] : a)
        if (!b.contains(name) || b.at(name) != value)
            names.push_back(name);
    for (const auto& [name, value] : b)
        if (!a.contains(name))
            names.push_back(name);
    return names;
}

std::vector<std::string> listed(const std::string& program) {
    const auto result = run_program(program, {"--list-presets"});
    REQUIRE(result.exit_code == 0);
    std::vector<std::string> names;
    std::istringstream lines(result.output);
    for (std::string line; std::getline(lines, line);) {
        names.push_back(line.substr(0, line.find(' ')));
        CHECK(line.find_first_not_of(' ', names.back().size()) > names.back().size() + 1);  // what it is
    }
    return names;
}

const Options stage_3{{"model", "base"},        {"epochs", "34"},         {"warmup", "5"},
                      {"batch", "200"},         {"accumulate", "6"},      {"head", "cosface"},
                      {"scale", "64"},          {"margin", "0.4"},        {"weight-decay", "0.1"},
                      {"layer-decay", "0.58"},  {"dropout", "0.1"},       {"drop-path", "0.1"},
                      {"mixup-alpha", "0.2"},   {"label-smoothing", "0"}, {"crop", "0.9"},
                      {"colour-jitter", "0.1"}, {"flip", "true"}};

}  // namespace

TEST_CASE("every preset is read by its program", "[programs]") {
    const std::vector<std::string> supervised{"few-shot-1",
                                              "few-shot-10",
                                              "few-shot-2",
                                              "few-shot-4",
                                              "flip-only",
                                              "lafs-finetune-ms1mv3",
                                              "lafs-finetune-webface4m",
                                              "part-fvit-ms1mv3",
                                              "part-fvit-webface4m",
                                              "tiny-lafs-finetune",
                                              "tiny-part-fvit"};
    const std::vector<std::string> self_supervised{"dino-face", "lafs-pretrain", "tiny-dino-face",
                                                   "tiny-lafs-pretrain"};
    CHECK(listed("lafs_finetune") == supervised);
    CHECK(listed("lafs_pretrain") == self_supervised);
    for (const std::string& name : supervised)
        CHECK_FALSE(preset("lafs_finetune", name).empty());
    for (const std::string& name : self_supervised)
        CHECK_FALSE(preset("lafs_pretrain", name).empty());
}

TEST_CASE("supervised presets have the published values", "[programs]") {
    const Options webface = preset("lafs_finetune", "lafs-finetune-webface4m"),
                  ms1mv3 = preset("lafs_finetune", "lafs-finetune-ms1mv3");
    check_values(webface, stage_3);
    check_values(webface, {{"rand-augment", "1"}, {"mixup", "0.1"}});
    CHECK_FALSE(webface.contains("colour-order"));
    check_values(ms1mv3, stage_3);
    check_values(ms1mv3, {{"rand-augment", "2"}, {"mixup", "0.2"}, {"colour-order", "bgr"}});
    // Two processes of 200 images, three batches for a step: 1200 images in both.
    CHECK(std::stod(webface.at("lr")) == Approx(0.7e-3 * 3 * std::sqrt(2 * 200 / 336.0)).epsilon(1e-12));
    CHECK(std::stod(webface.at("batch")) * std::stod(webface.at("accumulate")) == 2 * 200 * 3);

    using Names = std::vector<std::string>;
    CHECK(differences(webface, preset("lafs_finetune", "part-fvit-webface4m")) == Names{"layer-decay"});
    CHECK(differences(ms1mv3, preset("lafs_finetune", "part-fvit-ms1mv3")) == Names{"layer-decay"});
    CHECK(preset("lafs_finetune", "part-fvit-webface4m").at("layer-decay") == "1");
    for (const std::string images : {"1", "2", "4", "10"}) {
        const Options few = preset("lafs_finetune", "few-shot-" + images);
        CHECK(differences(webface, few) == Names{"few-shot"});
        CHECK(few.at("few-shot") == images);
    }
    const Options flip = preset("lafs_finetune", "flip-only");
    check_values(flip, {{"flip", "true"},
                        {"rand-augment", "0"},
                        {"crop", "1"},
                        {"colour-jitter", "0"},
                        {"erase", "0"},
                        {"mixup", "0"},
                        {"lr", webface.at("lr")}});
    CHECK(differences(webface, flip) ==
          Names{"augmentation", "colour-jitter", "crop", "erase", "mixup", "rand-augment"});
}

TEST_CASE("self-supervised presets have the published values", "[programs]") {
    const Options common{{"epochs", "41"},
                         {"warmup", "10"},
                         {"batch", "164"},  // two processes of 82
                         {"lr", "0"},       // 5e-4 batch / 256
                         {"min-lr", "1e-06"},
                         {"optimizer", "adamw"},
                         {"prototypes", "100000"},
                         {"head-hidden", "2048"},
                         {"bottleneck", "256"},
                         {"local-views", "8"},
                         {"local-tokens", "36"},
                         {"global-scale", "0.4-1"},
                         {"weight-decay", "0.04"},
                         {"final-weight-decay", "0.4"},
                         {"momentum", "0.996"},
                         {"warmup-teacher-temperature", "0.07"},
                         {"teacher-temperature", "0.04"},
                         {"warmup-teacher-epochs", "30"},
                         {"clip", "3"},
                         {"freeze-last-layer", "1"},
                         {"dropout", "0.1"},
                         {"drop-path", "0.1"},
                         {"teacher-dropout", "true"}};
    const Options lafs = preset("lafs_pretrain", "lafs-pretrain"),
                  dino = preset("lafs_pretrain", "dino-face");
    check_values(lafs, common);
    check_values(dino, common);
    check_values(lafs, {{"method", "lafs"},
                        {"model", "base"},
                        {"local-scale", "0.4-1"},
                        {"local-size", "112"},
                        {"perturbation", "5"}});
    check_values(
        dino,
        {{"method", "dino"}, {"model", "grid-base"}, {"local-scale", "0.05-0.4"}, {"local-size", "48"}});
}

TEST_CASE("the command line wins over --config, which wins over a preset", "[programs]") {
    const TemporaryFolder folder;
    write_text(folder / "own.conf", "epochs = 3\nbatch = 7\n");
    const Options options = options_of("lafs_finetune", {"--batch", "9", "--preset", "part-fvit-webface4m",
                                                         "--config", (folder / "own.conf").string()});
    check_values(options, {{"batch", "9"}, {"epochs", "3"}, {"accumulate", "6"}, {"data", "some/faces"}});
    // A set of options that is given beside the preset replaces all that belongs to it.
    check_values(options_of("lafs_finetune", {"--preset", "part-fvit-webface4m", "--augmentation", "none"}),
                 {{"rand-augment", "0"}, {"mixup", "0"}, {"crop", "1"}, {"flip", "false"}});
    // What is printed is what --config takes.
    const auto printed =
        run_program("lafs_finetune", {"--preset", "tiny-part-fvit", "--out", "run", "--print-options"});
    REQUIRE(printed.exit_code == 0);  // the preset names the data
    check_contains(printed.output, "data = synthetic:ids=120,images=10\n");
}

TEST_CASE("a preset is found by its path and beside an installed program", "[programs]") {
    const TemporaryFolder folder;
    const std::string own = "# lafs_pretrain: a run of mine\nepochs = 5\n";
    write_text(folder / "mine.conf", own);
    CHECK(options_of("lafs_pretrain", {"--preset", (folder / "mine.conf").string()}).at("epochs") == "5");

    fs::create_directories(folder / "bin");
    fs::copy_file(std::string(LAFS_PROGRAMS) + "/lafs_pretrain", folder / "bin" / "lafs_pretrain");
    write_text(folder / "share/lafs/presets/mine.conf", own);
    write_text(folder / "share/lafs/presets/lafs-pretrain.conf", "# lafs_pretrain: another\nepochs = 6\n");
    const std::string program = (folder / "bin" / "lafs_pretrain").string(), printed = folder / "printed";
    const auto run = [&](const std::string& arguments) {
        return std::system((program + " " + arguments + " >" + printed + " 2>&1").c_str());
    };
    REQUIRE(run("--data d --out o --preset mine --print-options") == 0);
    check_contains(read_text(printed), "epochs = 5\n");
    REQUIRE(run("--data d --out o --preset lafs-pretrain --print-options") == 0);
    check_contains(read_text(printed), "epochs = 6\n");  // the installed one, not that of the sources
}

TEST_CASE("presets that do not fit are refused", "[programs]") {
    const TemporaryFolder folder;
    const auto refused = [&](const std::string& name) {
        return failure("lafs_finetune", {"--data", "d", "--out", folder / "run", "--preset", name});
    };
    check_contains(refused("lafs-pretrain"), "lafs-pretrain is for lafs_pretrain, not for lafs_finetune");
    check_contains(refused("part-fvit"), "expected few-shot-1, few-shot-10");
    check_contains(refused("..%2fpart"), "expected few-shot-1");
    check_contains(refused("../presets/lafs"), "cannot read");
    check_contains(refused((folder / "absent.conf").string()), "absent.conf");
    const auto written = [&](const std::string& text) {
        write_text(folder / "own.conf", text);
        return refused((folder / "own.conf").string());
    };
    check_contains(written("epochs = 5\n"), "expected `# program: what it is`");
    check_contains(written(std::string(2000, '#')), "expected `# program: what it is`");
    check_contains(written(""), "expected `# program: what it is`");
    check_contains(written("# lafs_finetune: mine\nepoch = 5\n"), "got epoch");
    check_contains(written("# lafs_finetune: mine\nepochs = many\n"), "epochs");
    check_contains(written("# lafs_finetune: mine\naugmentation = all\n"), "augmentation");
    check_contains(written("# lafs_finetune: mine\npreset = flip-only\n"), "got preset");
    check_contains(written("# lafs_finetune: mine\nepochs = 5\nepochs = 6\n"), "epochs");
    CHECK_FALSE(fs::exists(folder / "run"));
}
