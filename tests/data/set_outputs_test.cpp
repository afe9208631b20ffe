#include <lafs/data/set_outputs.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

namespace fs = std::filesystem;
using lafs::check_outputs, lafs::inputs_of_set;
using lafs_test::check_contains, lafs_test::message_of, lafs_test::TemporaryFolder, lafs_test::write_text;

TEST_CASE("no output overwrites a part of a folder that is read", "[data]") {
    const TemporaryFolder folder;
    for (const char* name : {"set/a/1.JPG", "set/lfw.bin", "set/result.json", "set/names.txt"})
        write_text(folder / name, "x");
    const auto refusal = [&](const fs::path& out) {
        return message_of([&] { check_outputs({{"--out", out}}, {{"--root", folder / "set"}}); });
    };
    for (const char* part : {"set/a/1.JPG", "set/lfw.bin", "set/a/../lfw.bin"}) {
        check_contains(refusal(folder / part), "--out would overwrite");
        check_contains(refusal(folder / part), "which --root reads");
    }
    for (const char* free : {"set/result.json", "set/names.txt", "set/a/2.jpg", "other.jpg"})
        CHECK(refusal(folder / free).empty());
}

TEST_CASE("records are inputs with all that belongs to them", "[data]") {
    const TemporaryFolder folder;
    for (const char* name : {"set/train.rec", "set/train.idx", "set/property"})
        write_text(folder / name, "x");
    for (const fs::path& data : {folder / "set", folder / "set" / "train.rec"})
        for (const char* part : {"train.rec", "train.idx", "property"})
            check_contains(
                message_of([&] {
                    check_outputs({{"OUT", folder / "set" / part}}, inputs_of_set("--data", data.string()));
                }),
                "OUT would overwrite");
    CHECK(inputs_of_set("--data", "synthetic:ids=2,images=2").empty());
}

TEST_CASE("results do not go into a set of images", "[data]") {
    const TemporaryFolder folder;
    write_text(folder / "set/a/1.jpg", "x");
    write_text(folder / "records/train.rec", "x");
    for (const char* inside : {"set", "set/run", "set/a/../deep/run"})
        check_contains(message_of([&] { lafs::check_apart(folder / inside, (folder / "set").string()); }),
                       "lies in the folder of the images");
    lafs::check_apart(folder / "settle", (folder / "set").string());
    lafs::check_apart(folder / "records" / "run", (folder / "records").string());
    lafs::check_apart(folder / "run", "synthetic:ids=2,images=2");
}
