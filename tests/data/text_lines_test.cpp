#include <lafs/data/score_list.hpp>
#include <lafs/data/text_lines.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

using lafs::TextLines;

struct ListFile {
    lafs_test::TemporaryFolder folder;
    std::filesystem::path path = folder / "list.txt";

    explicit ListFile(const std::string& text) { lafs_test::write_text(path, text); }
    TextLines lines() const { return TextLines("test", path); }
};

std::vector<std::string> fields_of(const std::string& line, char separator = ' ') {
    const ListFile file(line);
    TextLines lines = file.lines();
    REQUIRE(lines.next());
    const auto fields = lines.fields(separator);
    return {fields.begin(), fields.end()};
}

using Fields = std::vector<std::string>;

}  // namespace

TEST_CASE("lines of either ending are counted, blank ones too", "[data]") {
    const ListFile file("\xEF\xBB\xBFone\r\n\r\n  \t\ntwo\n\nthree");
    TextLines lines = file.lines();
    CHECK(lines.number() == 0);
    REQUIRE(lines.next());
    CHECK(lines.text() == "one");
    CHECK(lines.number() == 1);
    REQUIRE(lines.next());
    CHECK(lines.text() == "two");
    CHECK(lines.number() == 4);
    REQUIRE(lines.next());
    CHECK(lines.text() == "three");
    CHECK(lines.number() == 6);
    CHECK_FALSE(lines.next());
    CHECK_FALSE(lines.next());
}

TEST_CASE("fields", "[data]") {
    CHECK(fields_of("a  b\tc ") == Fields{"a", "b", "c"});
    CHECK(fields_of(" x") == Fields{"x"});
    CHECK(fields_of("a, b c ,,d", ',') == Fields{"a", "b c", "", "d"});
    CHECK(fields_of("a b\tc d", '\t') == Fields{"a b", "c d"});
    CHECK(fields_of("a,", ',') == Fields{"a", ""});
    std::string many;
    for (int i = 0; i < 65; ++i)
        many += "x ";
    CHECK(lafs_test::message_of([&] { fields_of(many); }).find("line 1: got more than 64 fields") !=
          std::string::npos);
}

TEST_CASE("numbers and names are read whole or refused with their line", "[data]") {
    const ListFile file("\n7\n");
    TextLines lines = file.lines();
    lines.next();
    CHECK(lines.whole_number("-12", "template") == -12);
    CHECK(lines.finite_number("2.5e-3", "score") == 0.0025);
    CHECK(lines.plain_name("a b.jpg", "image") == "a b.jpg");
    const auto refused = [&](const auto& action, const std::string& part) {
        const std::string message = lafs_test::message_of(action);
        INFO(message);
        CHECK(message.find("[test] " + file.path.string() + " line 2: ") == 0);
        CHECK(message.find(part) != std::string::npos);
    };
    for (const char* bad : {"", "1x", "1.5", "99999999999999999999", "0x10", "+1"})
        refused([&] { lines.whole_number(bad, "template"); },
                "got the template \"" + std::string(bad) + "\", expected a whole number");
    for (const char* bad : {"", "nan", "inf", "-inf", "1e999", "1,5", "x"})
        refused([&] { lines.finite_number(bad, "score"); },
                "got the score \"" + std::string(bad) + "\", expected a finite number");
    for (const char* bad : {"", ".", "..", "../a", "/etc/passwd", "a\\b"})
        refused([&] { lines.plain_name(bad, "image"); }, "expected a plain file name");
    refused([&] { lines.plain_name(std::string_view("a\0b", 3), "image"); }, "\"a?b\"");
    refused([&] { lines.plain_name(std::string(300, 'a'), "image"); }, "aaa...\"");
}

TEST_CASE("empty and missing files", "[data]") {
    for (const char* text : {"", "\n\r\n  \n", "\xEF\xBB\xBF"}) {
        const ListFile file(text);
        CHECK(lafs_test::message_of([&] { file.lines(); }) ==
              "[test] " + file.path.string() + " is empty, expected lines of text");
    }
    const lafs_test::TemporaryFolder folder;
    CHECK(lafs_test::message_of([&] { TextLines("test", folder / "absent"); }).find("cannot open") !=
          std::string::npos);
    CHECK(lafs_test::message_of([&] { TextLines("test", folder.path()); }).find("not a regular file") !=
          std::string::npos);
}

TEST_CASE("scores of pairs", "[data]") {
    const auto read = [](const std::string& text) { return lafs::read_scores(ListFile(text).path); };
    for (const char* text :
         {"0.5 1\n-0.25\t0\n", "score,label\r\n0.5,1\r\n-0.25, 0", "score label\n0.5 1\n-2.5e-1 0\n"}) {
        const lafs::ScoreList list = read(text);
        CHECK(list.scores == std::vector<double>{0.5, -0.25});
        CHECK(list.same == std::vector<std::uint8_t>{1, 0});
    }
    const auto refused = [&](const std::string& text, const std::string& part) {
        const std::string message = lafs_test::message_of([&] { read(text); });
        INFO(message);
        CHECK(message.find(part) != std::string::npos);
    };
    refused("0.5 1\n0.1\n", "line 2: got 1 fields, expected `score label`");
    refused("0.5 1\nx 0\n", "line 2: got the score \"x\"");
    refused("0.1 0\nnan 1\n", "line 2: got the score \"nan\", expected a finite number");
    refused("0.5 2\n", "line 1: got the label \"2\", expected 0 (different) or 1 (same)");
    refused("0.5 1\n0.6 1\n", "has 2 genuine of 2 pairs, expected pairs of both kinds");
}
