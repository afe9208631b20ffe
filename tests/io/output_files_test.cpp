#include <sys/stat.h>

#include <lafs/io/output_files.hpp>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

namespace fs = std::filesystem;
using lafs::NamedPath, lafs::Overwrite;
using lafs_test::check_contains, lafs_test::message_of, lafs_test::TemporaryFolder, lafs_test::write_text;

namespace {

using Paths = std::vector<NamedPath>;

std::string refusal(const Paths& outputs, const Paths& inputs) {
    return message_of([&] { lafs::check_distinct(outputs, inputs); });
}

}  // namespace

TEST_CASE("what is there is overwritten only when that is wanted", "[io]") {
    const TemporaryFolder folder;
    const auto refused = [&](const fs::path& file, Overwrite overwrite) {
        return message_of([&] { lafs::check_output(file, overwrite); });
    };
    write_text(folder / "old", "old");
    fs::create_symlink("old", folder / "link");
    fs::create_symlink("none", folder / "loose");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    for (const char* name : {"old", "link", "loose"}) {
        check_contains(refused(folder / name, Overwrite::refuse), "exists already; --force overwrites it");
        CHECK(refused(folder / name, Overwrite::allow).empty());
    }
    for (const fs::path& free :
         {folder / "new", folder / "pipe", fs::path("/dev/null"), fs::path("relative")})
        CHECK(refused(free, Overwrite::refuse).empty());
    check_contains(refused(folder.path(), Overwrite::allow), "is a folder");
    check_contains(refused(folder / "absent" / "x", Overwrite::allow), "does not exist");
}

TEST_CASE("one file is known under any of its names", "[io]") {
    const TemporaryFolder folder;
    write_text(folder / "a", "a");
    write_text(folder / "b", "a");
    fs::create_symlink("a", folder / "link");
    fs::create_hard_link(folder / "a", folder / "hard");
    fs::create_directories(folder / "deep");
    fs::create_directory_symlink(folder.path(), folder / "deep" / "up");
    fs::create_symlink("new", folder / "loose");
    CHECK(lafs::same_file(folder / "a", folder / "deep" / ".." / "a"));
    CHECK(lafs::same_file(folder / "a", folder / "link"));
    CHECK(lafs::same_file(folder / "a", folder / "hard"));
    CHECK(lafs::same_file(folder / "new", folder / "deep" / "up" / "new"));  // not there yet
    CHECK(lafs::same_file(folder / "new", folder / "loose"));
    CHECK(lafs::same_file("x", fs::current_path() / "x"));
    CHECK_FALSE(lafs::same_file(folder / "a", folder / "b"));
    CHECK_FALSE(lafs::same_file(folder / "new", folder / "newer"));
    CHECK(lafs::lies_in(folder / "deep" / "up" / "b", folder.path()));
    CHECK(lafs::lies_in(folder.path(), folder.path()));
    CHECK(lafs::lies_in(folder / "new" / "x", folder / "new"));
    CHECK_FALSE(lafs::lies_in(folder / "newer", folder / "new"));
    CHECK_FALSE(lafs::lies_in(folder.path(), folder / "deep"));
    for (const fs::path& none : {fs::path(), folder.path()})  // no name is no place
        CHECK_FALSE(lafs::lies_in(none, ""));
    CHECK_FALSE(lafs::lies_in("", folder.path()));
    CHECK_FALSE(lafs::same_file("", ""));
}

TEST_CASE("no output is an input or another output", "[io]") {
    const TemporaryFolder folder;
    write_text(folder / "model", "m");
    fs::create_symlink("model", folder / "link");
    CHECK(refusal({{"--json", folder / "r.json"}, {"--roc", ""}, {"--det", ""}},
                  {{"--weights", folder / "model"}, {"--pairs", ""}})
              .empty());
    const std::string same = refusal({{"--json", folder / "x"}, {"--roc", folder / "." / "x"}}, {});
    check_contains(same, "for --json and --roc, expected different files");
    const std::string input = refusal({{"--json", folder / "link"}}, {{"--weights", folder / "model"}});
    check_contains(input, "--json would overwrite");
    check_contains(input, "which --weights reads");
    check_contains(refusal({{"--json", folder.path()}}, {}), "is a folder");
    check_contains(refusal({{"--json", folder / "absent" / "x"}}, {}), "does not exist");
    CHECK(refusal({{"--json", "/dev/null"}, {"--roc", "/dev/null"}}, {{"--data", "/dev/null"}}).empty());
}

TEST_CASE("folders of runs and exports are told", "[io]") {
    const TemporaryFolder folder;
    CHECK(lafs::result_in(folder / "absent").empty());
    write_text(folder / "config.txt", "lr = 1");
    write_text(folder / "log.jsonl", "");
    write_text(folder / "pairs.txt", "1\n");
    CHECK(lafs::result_in(folder.path()).empty());
    fs::create_directories(folder / "images");
    CHECK(lafs::result_in(folder.path()) == "pairs.txt");
    write_text(folder / "log.jsonl", "{\"step\":0}\n");
    CHECK(lafs::result_in(folder.path()) == "log.jsonl");
    write_text(folder / "state.safetensors", "x");
    CHECK(lafs::result_in(folder.path()) == "state.safetensors");

    CHECK(message_of([&] { lafs::check_new_folder(folder / "absent", ""); }).empty());
    CHECK(message_of([&] { lafs::check_new_folder(folder / "images", ""); }).empty());
    check_contains(message_of([&] { lafs::check_new_folder(folder.path(), "; or else"); }),
                   "is not empty, expected a new folder; or else");
}
