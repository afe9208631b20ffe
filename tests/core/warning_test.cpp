#include <lafs/core/warning.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

TEST_CASE("a warning is told once, where the program wants it", "[core]") {
    std::vector<std::string> told;
    const lafs::WarningSink before =
        lafs::set_warning_sink([&](const std::string& text) { told.push_back(text); });
    lafs::warn("one");
    lafs::warn("two");
    lafs::warn("one");
    CHECK(told == std::vector<std::string>{"one", "two"});
    lafs::set_warning_sink([&](const std::string& text) { told.push_back("later: " + text); });
    lafs::warn("one");
    CHECK(told.back() == "later: one");
    lafs::set_warning_sink(before);
}
