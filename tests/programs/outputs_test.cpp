// What programs write: nothing is lost, nothing is destroyed, and names of files may be any bytes.
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <lafs/core/utf8.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/source.hpp>
#include <lafs/io/npy.hpp>
#include <lafs/io/safetensors.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::read_text,
    lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text, lafs_test::operator+;

const std::string small_model = "tiny:depth=1,width=32,heads=1,hidden=32";

std::string quoted(const std::string& text) {
    return "'" + text + "'";
}

/// Runs a program in a shell, with what stands behind it; returns its exit code and standard error.
std::pair<int, std::string> in_shell(const std::string& name, const Arguments& arguments,
                                     const std::string& end) {
    const TemporaryFolder scratch;
    std::string command = quoted(std::string(LAFS_PROGRAMS) + "/" + name);
    for (const std::string& argument : arguments)
        command += " " + quoted(argument);
    const int status = std::system((command + " " + end + " 2> " + quoted(scratch / "err")).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(scratch / "err")};
}

Arguments finetune(const fs::path& data, const fs::path& out) {
    return {"--data",   data, "--out",   out, "--model",      small_model,
            "--epochs", "1",  "--batch", "4", "--save-every", "1"};
}

/// Weights of an untrained recogniser, made once.
std::string weights() {
    static const TemporaryFolder folder;
    static const fs::path path = [] {
        const auto made = run_program("lafs_finetune", finetune("synthetic:ids=2,images=2", folder / "run") +
                                                           Arguments{"--epochs", "0"});
        REQUIRE(made.exit_code == 0);
        return folder / "run" / "model.safetensors";
    }();
    return path;
}

/// An aligned face, a list of scores, a set of two people, pairs of it.
struct Files {
    TemporaryFolder folder;
    fs::path face = folder / "face.png", scores = folder / "scores.txt", set = folder / "set";

    Files() {
        lafs::save_image(face, lafs::open_source("synthetic:ids=1,images=1")->image(0));
        write_text(scores, "0.9 1\n0.7 1\n0.2 0\n0.1 0\n");
        REQUIRE(run_program("lafs_export", {"--data", "synthetic:ids=2,images=2", "--out", set, "--pairs",
                                            "4", "--folds", "1"})
                    .exit_code == 0);
    }
};

const Files& files() {
    static const Files made;
    return made;
}

}  // namespace

TEST_CASE("standard output that is full or closed is told by every program", "[programs]") {
    const TemporaryFolder folder;
    const std::string face = files().face;
    const std::pair<std::string, Arguments> cases[] = {
        {"lafs_compare", {face, face, "--weights", weights(), "--json"}},
        {"lafs_convert", {"--list", weights()}},
        {"lafs_quickstart", {face, weights()}},
        {"lafs_evaluate", {"--scores", files().scores}},
        {"lafs_export",
         {"--data", "synthetic:ids=2,images=2", "--out", folder / "set", "--pairs", "4", "--folds", "1"}},
        {"lafs_embed", {"--weights", weights(), "--data", files().set / "images", "--out", folder / "e.npy"}},
        {"lafs_records", {"pack", files().set / "images", folder / "train.rec"}},
        {"lafs_finetune", {"--help"}},
        {"lafs_align", {"--help"}},
        {"custom_layer", {}},
    };
    for (const auto& [name, arguments] : cases) {
        INFO(name);
        const auto full = in_shell(name, arguments, "> /dev/full");
        CHECK(full.first == 1);
        check_contains(full.second, "error: cannot write standard output: ");
        fs::remove_all(folder / "set");
        for (const char* file : {"train.rec", "train.idx", "property"})
            fs::remove(folder / file);
        const auto closed = in_shell(name, arguments, ">&-");
        CHECK(closed.first == 1);
        check_contains(closed.second, "error: cannot write standard output: ");
        for (const char* file : {"train.rec", "train.idx", "property"})
            fs::remove(folder / file);
        fs::remove_all(folder / "set");
    }
    // What was to be written to files is whole although standard output is closed.
    CHECK(lafs::load_npy<float>(folder / "e.npy").shape(0) == 4);
}

TEST_CASE("results go through devices, pipes and links", "[programs]") {
    const TemporaryFolder folder;
    const Arguments evaluate{"--scores", files().scores, "--json"};
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    std::string got;
    std::thread reader([&] { got = read_text(folder / "pipe"); });
    CHECK(run_program("lafs_evaluate", evaluate + Arguments{folder / "pipe"}).exit_code == 0);
    reader.join();
    CHECK(nlohmann::json::parse(got).at("pairs") == 4);
    CHECK(fs::is_fifo(folder / "pipe"));
    write_text(folder / "target", "old");
    fs::create_symlink("target", folder / "link");
    CHECK(run_program("lafs_evaluate", evaluate + Arguments{folder / "link"}).exit_code == 0);
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(nlohmann::json::parse(read_text(folder / "target")).at("pairs") == 4);
    CHECK(run_program("lafs_evaluate", evaluate + Arguments{"/dev/null"}).exit_code == 0);
    CHECK(fs::is_character_file("/dev/null"));
    check_contains(failure("lafs_evaluate", evaluate + Arguments{"/dev/full"}), "No space left");
}

TEST_CASE("no program writes over what it reads, nor twice to one file", "[programs]") {
    const TemporaryFolder folder;
    const std::string scores = read_text(files().scores);
    check_contains(failure("lafs_evaluate", {"--scores", files().scores, "--json", files().scores}),
                   "--json would overwrite");
    check_contains(failure("lafs_evaluate", {"--scores", files().scores, "--json", folder / "x.svg", "--roc",
                                             folder / "." / "x.svg"}),
                   "for --json and --roc");
    CHECK(read_text(files().scores) == scores);
    const fs::path images = files().set / "images";
    fs::path image;
    for (const auto& entry : fs::recursive_directory_iterator(images))
        if (entry.is_regular_file())
            image = entry.path();
    const std::string picture = read_text(image);
    check_contains(failure("lafs_embed", {"--weights", weights(), "--data", images, "--out", folder / "e.npy",
                                          "--names", image}),
                   "--names would overwrite");
    check_contains(failure("lafs_records",
                           {"bin", image, "--pairs", files().set / "pairs.txt", "--root", images, "--force"}),
                   "OUT would overwrite");
    CHECK(read_text(image) == picture);

    REQUIRE(run_program("lafs_records", {"pack", images, folder / "train.rec"}).exit_code == 0);
    const std::string records = read_text(folder / "train.rec");
    check_contains(failure("lafs_records", {"pack", folder / "train.rec", folder / "train.rec", "--force"}),
                   "which DATA reads");
    check_contains(failure("lafs_records", {"verify", folder / "train.rec", "--write-index",
                                            folder / "train.rec", "--force"}),
                   "which FILE reads");
    check_contains(failure("lafs_records", {"verify", folder / "train.rec", "--repair", folder / "good.rec",
                                            "--write-index", folder / "good.idx"}),
                   "expected different files");
    CHECK(read_text(folder / "train.rec") == records);
    CHECK(run_program("lafs_records",
                      {"verify", folder / "train.rec", "--write-index", folder / "train.idx", "--force"})
              .exit_code == 0);  // an index may be made anew
}

TEST_CASE("runs, exports and sets do not mix", "[programs]") {
    const TemporaryFolder folder;
    const fs::path images = files().set / "images";
    check_contains(failure("lafs_export", {"--data", "synthetic:ids=2,images=2", "--out", files().set,
                                           "--pairs", "4", "--folds", "1"}),
                   "expected a new folder");
    check_contains(
        failure("lafs_export", {"--data", images, "--out", images, "--pairs", "4", "--folds", "1"}),
        "lies in the folder of the images");
    check_contains(failure("lafs_finetune", finetune(images, files().set)), "holds an exported set");
    check_contains(failure("lafs_finetune", finetune(images, images / "run")),
                   "lies in the folder of the images");
    CHECK_FALSE(fs::exists(images / "run"));

    REQUIRE(run_program("lafs_finetune", finetune(images, folder / "run")).exit_code == 0);
    check_contains(failure("lafs_export", {"--data", "synthetic:ids=2,images=2", "--out", folder / "run",
                                           "--pairs", "4", "--folds", "1"}),
                   "holds a run or an export already");
    // The weights of an earlier run, its state taken away, are still not written over.
    const std::string model = read_text(folder / "run" / "model.safetensors");
    fs::remove(folder / "run" / "state.safetensors");
    check_contains(failure("lafs_finetune", finetune(images, folder / "run")), "holds a run already");
    check_contains(failure("lafs_finetune", finetune(images, folder / "run") +
                                                Arguments{"--resume", "--init-landmarks",
                                                          folder / "run/landmarks.safetensors"}),
                   "--init-landmarks");
    CHECK(read_text(folder / "run" / "model.safetensors") == model);

    REQUIRE(run_program("lafs_records", {"pack", images, folder / "train.rec"}).exit_code == 0);
    write_text(folder / "full" / "mine.txt", "mine");
    check_contains(failure("lafs_records", {"unpack", folder / "train.rec", folder / "full"}),
                   "is not empty");
    CHECK(lafs_test::count_entries(folder / "full") == 1);
}

TEST_CASE("a file of options is read line by line, and the command line wins", "[programs]") {
    const TemporaryFolder folder;
    const fs::path config = folder / "c.txt";
    const std::string start =
        "\xEF\xBB\xBF# a run\r\ndata = synthetic:ids=2,images=2\r\nmodel = " + small_model +
        "\r\nepochs = 1\r\nbatch = 4\r\nflip = false\r\n";
    write_text(config, start + "out = " + (folder / "my run # 1").string() + "\r\n");
    const auto made = run_program("lafs_finetune", {"--config", config});
    INFO(made.errors);
    CHECK(made.exit_code == 0);
    CHECK(fs::exists(folder / "my run # 1" / "model.safetensors"));
    CHECK(run_program("lafs_finetune",
                      {"--config", config, "--out", folder / "other", "--epochs=2", "--flip", "--batch", "2"})
              .exit_code == 0);
    const std::string log = read_text(folder / "other" / "log.jsonl");
    CHECK(std::count(log.begin(), log.end(), '\n') == 6);  // 2 epochs of 2 steps, and their ends
    const auto state = lafs::SafetensorsFile::open(folder / "other" / "state.safetensors");
    CHECK(nlohmann::json::parse(state.metadata("options")).at("flip") == true);

    const auto refused = [&](const std::string& lines, const std::string& expected) {
        write_text(config, start + "out = " + (folder / "none").string() + "\n" + lines);
        check_contains(failure("lafs_finetune", {"--config", config}), config.string() + expected);
        CHECK_FALSE(fs::exists(folder / "none"));
    };
    refused("learning_rate = 3\n", " line 8: got \"learning_rate\", expected the name of an option");
    refused("config = x\n", " line 8: got \"config\"");
    refused("\nlr = 1\nlr = 2\n", " line 10: \"lr\" appears a second time");
    refused("skip-damaged =\n", " line 8: got no value for \"skip-damaged\"");
    write_text(config, start + "out = x\nlr = fast\n");
    const auto wrong = run_program("lafs_finetune", {"--config", config});
    CHECK(wrong.exit_code != 0);
    check_contains(wrong.errors, config.string() + " line 8");
    check_contains(failure("lafs_finetune", {"--config", folder / "absent.txt"}), "absent.txt");
}

TEST_CASE("names that are not UTF-8 are kept in files and shown in logs", "[programs]") {
    const TemporaryFolder folder;
    const std::string name =
        "b\xE9"
        "b\xE9";
    const fs::path set = folder / ("set\xE9");
    fs::copy(files().set / "images", set, fs::copy_options::recursive);
    fs::create_directories(set / name);
    lafs::save_image(set / name / "1.png", lafs::load_image(files().face));
    write_text(set / name / "2.png", "no picture");
    const fs::path out = folder / "run";
    const auto made = run_program("lafs_finetune", finetune(set, out) + Arguments{"--skip-damaged"});
    INFO(made.errors);
    REQUIRE(made.exit_code == 0);
    check_contains(made.errors,
                   "b\xEF\xBF\xBD"
                   "b\xEF\xBF\xBD/2.png");
    std::string log = read_text(out / "log.jsonl");
    bool named = false;
    for (std::istringstream lines(log); std::getline(lines, log);)
        if (const auto line = nlohmann::json::parse(log); line.contains("damaged_image"))
            named = line["damaged_image"] ==
                    "b\xEF\xBF\xBD"
                    "b\xEF\xBF\xBD/2.png";
    CHECK(named);
    const std::string page = read_text(out / "report.html");
    CHECK(lafs::valid_utf8(page) == page);
    check_contains(page, "set\xEF\xBF\xBD");
    CHECK(run_program("lafs_finetune", finetune(set, out) + Arguments{"--skip-damaged", "--resume"})
              .exit_code == 0);

    REQUIRE(run_program("lafs_embed", {"--weights", weights(), "--data", set, "--out", folder / "e.npy",
                                       "--names", folder / "names.txt", "--skip-damaged"})
                .exit_code == 0);
    check_contains(read_text(folder / "names.txt"), name + "/1.png\n");
    fs::copy_file(files().scores, folder / ("s\xE9.txt"));
    REQUIRE(run_program("lafs_evaluate", {"--scores", folder / ("s\xE9.txt"), "--json",
                                          folder / ("r\xE9.json"), "--roc", folder / "roc.svg"})
                .exit_code == 0);
    CHECK(nlohmann::json::parse(read_text(folder / ("r\xE9.json"))).at("pairs") == 4);
    const std::string svg = read_text(folder / "roc.svg");
    CHECK(lafs::valid_utf8(svg) == svg);
}

TEST_CASE("a run does not go on with a set that changed", "[programs]") {
    const TemporaryFolder folder;
    fs::copy(files().set / "images", folder / "set", fs::copy_options::recursive);
    const Arguments run = finetune(folder / "set", folder / "run");
    REQUIRE(run_program("lafs_finetune", run).exit_code == 0);
    const std::string state = read_text(folder / "run" / "state.safetensors");
    const auto resume = [&] { return failure("lafs_finetune", run + Arguments{"--resume"}); };
    const fs::path person = fs::directory_iterator(folder / "set")->path();
    fs::copy_file(person / "000000.png", person / "zz.png");
    check_contains(resume(), "images: 4 then, 5 now");
    fs::remove(person / "zz.png");
    fs::rename(person / "000000.png", person / "00000a.png");
    check_contains(resume(), "their names or labels are others");
    fs::rename(person / "00000a.png", person / "000000.png");
    CHECK(read_text(folder / "run" / "state.safetensors") == state);
    CHECK(run_program("lafs_finetune", run + Arguments{"--resume"}).exit_code == 0);
}

TEST_CASE("one identity is nothing to tell apart", "[programs]") {
    const TemporaryFolder folder;
    check_contains(failure("lafs_finetune", finetune("synthetic:ids=1,images=8", folder / "run")),
                   "a training set of one identity");
    CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("scores that look like distances are told", "[programs]") {
    const TemporaryFolder folder;
    write_text(folder / "distances.txt", "0.3 1\n0.4 1\n1.5 0\n1.7 0\n");
    const auto result = run_program("lafs_evaluate", {"--scores", folder / "distances.txt", "--json", "-"});
    CHECK(result.exit_code == 0);
    check_contains(result.errors, "warning: ");
    check_contains(result.errors, "These look like distances");
    check_contains(nlohmann::json::parse(result.output).at("warning"), "area under the curve 0.000");
    CHECK(run_program("lafs_evaluate", {"--scores", files().scores}).errors.empty());
}
