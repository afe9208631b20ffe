#include <lafs/train/config_file.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains, lafs_test::message_of, lafs_test::TemporaryFolder, lafs_test::write_text;

namespace {

/// `name|value|line` of each entry.
std::vector<std::string> entries(const std::string& text, const std::string& may_repeat = {}) {
    const TemporaryFolder folder;
    write_text(folder / "c.txt", text);
    std::vector<std::string> all;
    for (const auto& entry : lafs::read_config_file(
             folder / "c.txt", [&](const std::string& name) { return name == may_repeat; }))
        all.push_back(entry.name + "|" + entry.value + "|" + std::to_string(entry.line));
    return all;
}

std::string refusal(const std::string& text) {
    return message_of([&] { entries(text); });
}

using Entries = std::vector<std::string>;

}  // namespace

TEST_CASE("the value is the rest of the line", "[train]") {
    CHECK(entries("data = synthetic:ids=2,images=2\nout=out/my folder\n") ==
          Entries{"data|synthetic:ids=2,images=2|1", "out|out/my folder|2"});
    CHECK(entries("out = a # b ; c = [d] 'e'\n") == Entries{"out|a # b ; c = [d] 'e'|1"});
    CHECK(entries("\t save-every\t= 5 \t\nflag = true") == Entries{"save-every|5|1", "flag|true|2"});
    CHECK(entries("out = \"a b \"\nroot = \"\nmodel = \"a\"b\n") ==
          Entries{"out|a b |1", "root|\"|2", "model|\"a\"b|3"});
    CHECK(entries("out =\n") == Entries{"out||1"});
    CHECK(entries("out = b\xE9\n") == Entries{"out|b\xE9|1"});  // a name of a file may be any bytes
}

TEST_CASE("only names that may be repeated are", "[train]") {
    CHECK(entries("bin = a\nlr = 1\nbin = b\n", "bin") == Entries{"bin|a|1", "lr|1|2", "bin|b|3"});
    check_contains(message_of([] { entries("bin = a\nlr = 1\nlr = 1\n", "bin"); }), "line 3: \"lr\" appears");
}

TEST_CASE("comments, marks and line ends of other systems are passed over", "[train]") {
    CHECK(entries("\xEF\xBB\xBF"
                  "data = x\r\n\r\n  # data = y\r\n; data = z\r\nout = o\r\n") ==
          Entries{"data|x|1", "out|o|5"});
    CHECK(entries("# nothing\n").empty());
}

TEST_CASE("other lines are refused by file and line", "[train]") {
    check_contains(refusal("\n# c\nlr = 1\nepochs\n"),
                   "c.txt line 4: got \"epochs\", expected `name = value`");
    check_contains(refusal("= 3\n"), "line 1");
    check_contains(refusal("[run]\nlr = 1\n"), "line 1");
    check_contains(refusal("--lr = 1\n"), "without --");
    check_contains(refusal("my lr = 1\n"), "line 1");
    check_contains(refusal("lr = 1\nout = a\nlr = 2\n"), "line 3: \"lr\" appears a second time");
    check_contains(refusal("lr = 1\rout = a\r"), "control characters");
    check_contains(refusal(std::string("o\0u\0t\0=\0a\0", 10)), "control characters");  // UTF-16
    check_contains(refusal(""), "is empty");
    check_contains(message_of([] { lafs::read_config_file("/absent/c.txt"); }), "/absent/c.txt");
}
