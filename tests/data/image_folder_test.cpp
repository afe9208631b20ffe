#include <lafs/core/warning.hpp>
#include <lafs/data/align_images.hpp>
#include <lafs/data/image_folder.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/source.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

namespace fs = std::filesystem;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;

TEST_CASE("an image folder is listed in order of names", "[data]") {
    TemporaryFolder folder;
    for (const char* name :
         {"b/2.jpg", "b/10.JPEG", "a/x.png", "a/y.pgm", "a/notes.txt", "a/.hidden.jpg", "README"})
        write_text(folder / name, "x");
    const lafs::ImageFolder list = lafs::read_image_folder(folder.path());
    CHECK(list.identities == std::vector<std::string>{"a", "b"});
    CHECK(list.labels == std::vector<std::int64_t>{0, 0, 1, 1});
    CHECK(list.files[0] == folder / "a" / "x.png");
    CHECK(list.files[2] == folder / "b" / "10.JPEG");
    CHECK(list.files[3] == folder / "b" / "2.jpg");
}

TEST_CASE("what a listing passes over is counted and told", "[data]") {
    const TemporaryFolder folder;
    const fs::path set = folder / "set";
    for (const char* name :
         {"a/1.png", "a/2.WEBP", "a/3.jfif", "a/4.tif", "a/5.gif", "a/notes.txt", "a/.DS_Store",
          "a/video1/6.png", "a/video1/deep/7.jpg", "a/video2/8.txt", "b/1.png", "list.txt"})
        write_text(set / name, "x");
    fs::create_directory_symlink(set / "b", set / "a" / "zlink");
    std::vector<std::string> told;
    const auto before = lafs::set_warning_sink([&](const std::string& text) { told.push_back(text); });

    const lafs::FolderSource flat(set);
    CHECK(flat.size() == 5);
    CHECK(flat.name(1) == "a/2.WEBP");
    REQUIRE(told.size() == 2);
    CHECK(told[0] ==
          "passed over 3 files in " + set.string() +
              ", whose endings are none of images that are read; the first: " + (set / "a/5.gif").string());
    CHECK(told[1] == "passed over 3 folders in " + set.string() + "; the first: " +
                         (set / "a/video1").string() + " (--recursive reads what is in them)");

    told.clear();
    const lafs::FolderSource nested(set, {.recursive = true});
    CHECK(nested.size() == 7);
    CHECK(nested.identities() == 2);
    CHECK(nested.name(4) == "a/video1/6.png");
    CHECK(nested.name(5) == "a/video1/deep/7.jpg");
    CHECK(nested.label(5) == 0);
    CHECK(nested.label(6) == 1);
    REQUIRE(told.size() == 2);
    CHECK(told[0].starts_with("passed over 4 files in "));
    CHECK(told[1] ==
          "passed over 1 folder in " + set.string() + ", links; the first: " + (set / "a/zlink").string());
    CHECK(lafs::open_source(set.string(), {.recursive = true})->size() == 7);

    lafs::set_warning_sink([&](const std::string& text) { told.push_back(text); });
    told.clear();
    const std::vector<lafs::AlignItem> items = lafs::images_below(set);
    CHECK(items.size() == 7);
    CHECK(items[4].name == "a/video1/6.png");
    CHECK(told.size() == 2);

    told.clear();
    write_text(folder / "clean/ann/1.png", "x");
    CHECK(lafs::FolderSource(folder / "clean").name(0) == "ann/1.png");
    CHECK(lafs::FolderSource((folder / "clean").string() + "/").name(0) == "ann/1.png");
    CHECK(told.empty());
    write_text(folder / "clean/bob/video/1.png", "x");
    CHECK(message_of([&] { lafs::FolderSource(folder / "clean"); }).find("--recursive") != std::string::npos);
    lafs::set_warning_sink(before);
}

TEST_CASE("folders without faces end in a clear message", "[data]") {
    TemporaryFolder folder;
    const auto message = [&] { return message_of([&] { lafs::read_image_folder(folder.path()); }); };
    CHECK(message().find("no identities") != std::string::npos);
    write_text(folder / "ann" / "1.jpg", "x");
    write_text(folder / "bob" / "1.txt", "x");
    CHECK(message().find("bob") != std::string::npos);
    CHECK(message().find("no images") != std::string::npos);
    CHECK_THROWS_AS(lafs::read_image_folder(folder / "missing"), lafs::Error);
    CHECK_THROWS_AS(lafs::read_image_folder(folder / "ann" / "1.jpg"), lafs::Error);
    write_text(folder / "bob" / "1\n.jpg", "x");
    CHECK(message().find("control characters") != std::string::npos);
}

TEST_CASE("pairs.txt reads in every form", "[data]") {
    TemporaryFolder folder;
    for (const char* name :
         {"A_B/A_B_0001.jpg", "A_B/A_B_0002.png", "C/C_0011.jpg", "C/C_0003.jpg", "C/some one.jpg"})
        write_text(folder / "root" / name, "x");
    const auto read = [&](const std::string& text) {
        write_text(folder / "pairs.txt", text);
        return lafs::read_pairs(folder / "pairs.txt", folder / "root");
    };
    const lafs::PairList numbers = read("1\t1\nA_B\t1\t2\nA_B\t1\tC\t11\n");
    CHECK(numbers.folds == 1);
    REQUIRE(numbers.pairs.size() == 2);
    CHECK(numbers.pairs[0].same);
    CHECK(numbers.pairs[0].a == folder / "root/A_B/A_B_0001.jpg");
    CHECK(numbers.pairs[0].b == folder / "root/A_B/A_B_0002.png");
    CHECK(!numbers.pairs[1].same);
    CHECK(numbers.pairs[1].b == folder / "root/C/C_0011.jpg");

    const lafs::PairList spaces = read("1\r\nC 3 11\r\nC 3 A_B 2\r\n\r\n");
    CHECK(spaces.folds == 1);
    CHECK(spaces.pairs[0].b == folder / "root/C/C_0011.jpg");

    const lafs::PairList files = read(
        "2\t1\nC\tsome one.jpg\tC_0003.jpg\nA_B\tA_B_0001.jpg\tC\tsome one.jpg\n"
        "C\tC_0011.jpg\tC_0003.jpg\nC\tC_0011.jpg\tA_B\tA_B_0002.png");
    CHECK(files.folds == 2);
    REQUIRE(files.pairs.size() == 4);
    CHECK(files.pairs[0].a == folder / "root/C/some one.jpg");
    CHECK(files.pairs[2].same);

    const auto refused = [&](const std::string& text, const std::string& expected) {
        const std::string message = message_of([&] { read(text); });
        INFO(message);
        CHECK(message.find("pairs.txt") != std::string::npos);
        CHECK(message.find(expected) != std::string::npos);
    };
    refused("", "is empty");
    refused("x y\n", "folds pairs");
    refused("0 3\n", "folds pairs");
    refused("1 2 3\n", "folds pairs");
    refused("-1\n", "folds pairs");
    refused("99999999999999999999\n", "folds pairs");
    refused("1\nC 3 11\n", "has 1 pairs, expected 2");
    refused("1\nC 3\n", "line 2");
    refused("1\nC 3 12\n", "C_0012.jpg");
    refused("1\nC 0 3\n", "image number 0, expected");
    refused("1\nC\tC_0003.jpg\tnone.jpg\n", "none.jpg");
    refused("1\n..\tC_0003.jpg\tnone.jpg\n", "plain file name");
    refused("1\nC\t../A_B/A_B_0001.jpg\tC_0003.jpg\n", "plain file name");
    refused("1\n/etc\tpasswd\thosts\n", "plain file name");
    refused("1\nC\t/etc/passwd\tC_0003.jpg\n", "plain file name");
    CHECK_THROWS_AS(lafs::read_pairs(folder / "none.txt", folder.path()), lafs::Error);
    CHECK_THROWS_AS(lafs::read_pairs(folder.path(), folder.path()), lafs::Error);
}

TEST_CASE("the shared pair list and folders read", "[data]") {
    if (const auto root = lafs_test::shared("data/celeb112")) {
        const lafs::PairList list = lafs::read_pairs(*root / "test_pairs.txt", *root / "test");
        CHECK(list.folds == 10);
        CHECK(list.pairs.size() == 3000);
        int same = 0;
        for (std::size_t i = 0; i < 300; ++i)
            same += list.pairs[i].same;
        CHECK(same == 150);
        const lafs::ImageFolder folder = lafs::read_image_folder(*root / "train");
        CHECK(folder.identities.size() == 150);
        CHECK(folder.files.size() == 3173);
    }
    if (const auto root = lafs_test::shared("data/orl"))
        CHECK(lafs::read_image_folder(*root).files.size() == 400);
}
