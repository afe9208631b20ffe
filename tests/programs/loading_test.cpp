// How the trainers load their images: with workers, and over damaged ones.
#include <algorithm>
#include <fstream>
#include <lafs/data/source_pairs.hpp>
#include <lafs/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::read_text, lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text;
using Arguments = std::vector<std::string>;

Arguments operator+(Arguments a, const Arguments& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Arguments arguments(const std::string& data, const fs::path& out) {
    return {"--data",   data, "--model", "tiny:depth=1,width=32,heads=1,hidden=32",
            "--epochs", "2",  "--batch", "4",
            "--out",    out,  "--seed",  "3"};
}

Arguments pretrain(const std::string& data, const fs::path& out) {
    return arguments(data, out) +
           Arguments{"--method",     "dino", "--model",       "grid-tiny:depth=1,width=32,heads=1,hidden=32",
                     "--prototypes", "32",   "--head-hidden", "16",
                     "--bottleneck", "8",    "--local-views", "2"};
}

void check_success(const lafs_test::ProgramResult& result) {
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
}

/// Faces in a folder, of which two are damaged.
struct DamagedFolder {
    TemporaryFolder folder;
    fs::path images = folder / "images";
    std::vector<std::string> damaged;

    DamagedFolder() {
        lafs::write_image_folder(*lafs::open_source("synthetic:ids=6,images=2"), images);
        const lafs::FolderSource source(images);
        write_text(source.file(3), "");
        write_text(source.file(8), "no pixels");
        damaged = {source.name(3), source.name(8)};
    }
};

/// The images named as damaged in a log, in its order.
std::vector<std::string> named(const fs::path& out) {
    std::vector<std::string> names;
    std::ifstream in(out / "log.jsonl");
    for (std::string line; std::getline(in, line);) {
        const auto json = nlohmann::json::parse(line);
        if (json.contains("damaged_image"))
            names.push_back(json.at("damaged_image"));
    }
    return names;
}

}  // namespace

TEST_CASE("any number of workers gives the same bits", "[programs]") {
    const TemporaryFolder folder;
    const std::string data = "synthetic:ids=6,images=3";
    const Arguments augmented{"--augmentation", "webface", "--accumulate", "2"};
    for (const std::string workers : {"0", "1", "4"}) {
        const Arguments more{"--workers", workers};
        check_success(
            run_program("lafs_finetune", arguments(data, folder / ("f" + workers)) + augmented + more));
        check_success(run_program("lafs_pretrain", pretrain(data, folder / ("p" + workers)) + more));
        CHECK(read_text(folder / ("f" + workers) / "model.safetensors") ==
              read_text(folder / "f0" / "model.safetensors"));
        CHECK(read_text(folder / ("p" + workers) / "teacher.safetensors") ==
              read_text(folder / "p0" / "teacher.safetensors"));
    }
    check_success(
        run_program("lafs_finetune", arguments(data, folder / "plain") + Arguments{"--accumulate", "2"}));
    CHECK(read_text(folder / "plain" / "model.safetensors") !=
          read_text(folder / "f0" / "model.safetensors"));
}

TEST_CASE("training passes over damaged images when told to, counts and names them", "[programs]") {
    const DamagedFolder faces;
    for (const std::string workers : {"0", "2"}) {
        const fs::path out = faces.folder / ("skip" + workers);
        const auto result =
            run_program("lafs_finetune",
                        arguments(faces.images, out) + Arguments{"--skip-damaged", "--workers", workers});
        check_success(result);
        CHECK(result.errors.find("2 damaged images passed over") != std::string::npos);
        auto names = named(out);
        std::sort(names.begin(), names.end());
        CHECK(names == faces.damaged);  // once each, though there are two epochs
        const auto state = lafs::SafetensorsFile::open(out / "state.safetensors");
        CHECK(state.read<std::int64_t>("damaged_images") == std::vector<std::int64_t>{3, 8});
        CHECK(read_text(out / "model.safetensors") ==
              read_text(faces.folder / "skip0" / "model.safetensors"));
        for (const std::string& name : faces.damaged)
            CHECK(result.errors.find("  " + name + ": ") != std::string::npos);
    }
    check_success(run_program(
        "lafs_pretrain", pretrain(faces.images, faces.folder / "pretrained") + Arguments{"--skip-damaged"}));
    CHECK(named(faces.folder / "pretrained").size() == 2);
}

TEST_CASE("a damaged image ends a run that was not told to pass over it, which can then go on",
          "[programs]") {
    const DamagedFolder faces;
    const fs::path out = faces.folder / "run";
    for (const std::string workers : {"0", "2"}) {
        const auto result = run_program(
            "lafs_finetune",
            arguments(faces.images, out) + Arguments{"--workers", workers, "--save-every", "1", "--resume"});
        CHECK(result.exit_code == 1);
        INFO(result.errors);
        CHECK((result.errors.find(faces.damaged[0]) != std::string::npos ||
               result.errors.find(faces.damaged[1]) != std::string::npos));
        CHECK(result.errors.find("--skip-damaged") != std::string::npos);
    }
    check_success(
        run_program("lafs_finetune", arguments(faces.images, out) + Arguments{"--resume", "--skip-damaged"}));
    check_success(run_program("lafs_finetune",
                              arguments(faces.images, faces.folder / "whole") + Arguments{"--skip-damaged"}));
    CHECK(read_text(out / "model.safetensors") == read_text(faces.folder / "whole" / "model.safetensors"));
    CHECK(named(out) == named(faces.folder / "whole"));
}

TEST_CASE("augmentation is chosen as a whole and changed in parts", "[programs]") {
    const TemporaryFolder folder;
    const auto options = [&](const std::string& name, const Arguments& more) {
        const fs::path out = folder / name;
        const auto result = run_program(
            "lafs_finetune", arguments("synthetic:ids=2,images=2", out) + Arguments{"--epochs", "0"} + more);
        check_success(result);
        return nlohmann::json::parse(
            lafs::SafetensorsFile::open(out / "state.safetensors").metadata("options"));
    };
    const auto plain = options("plain", {});
    CHECK(plain.at("flip") == true);
    CHECK(plain.at("rand_augment") == 0);
    const auto none = options("none", {"--augmentation", "none"});
    CHECK(none.at("flip") == false);
    const auto published = options("published", {"--crop", "0.8", "--augmentation", "ms1mv3"});
    CHECK(published.at("flip") == true);
    CHECK(published.at("smallest_crop") == 0.8);
    CHECK(published.at("rand_augment") == 2);
    CHECK(published.at("colour_jitter") == 0.1);
    CHECK(published.at("erase") == 0.5);
    CHECK(published.at("mixup") == 0.2);
    const auto wrong = run_program("lafs_finetune", arguments("synthetic:ids=2,images=2", folder / "wrong") +
                                                        Arguments{"--augmentation", "strong"});
    CHECK(wrong.exit_code != 0);
    CHECK(wrong.errors.find("ms1mv3") != std::string::npos);
}
