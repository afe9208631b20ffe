// Expected values are those of Python's bytes.decode("utf-8", errors="replace").
#include <lafs/core/utf8.hpp>

#include "catch.hpp"

using lafs::valid_utf8;
using namespace std::string_literals;

TEST_CASE("UTF-8 stays as it is", "[core]") {
    for (const std::string& text :
         {""s, "plain"s,
          "b\xC3\xA9"
          "b\xC3\xA9"s,
          "\xE2\x82\xAC"s, "\xF0\x9F\x98\x80"s, "\xED\x9F\xBF\xEE\x80\x80"s, "\xF4\x8F\xBF\xBF"s, "a\0b"s})
        CHECK(valid_utf8(text) == text);
}

TEST_CASE("what is not UTF-8 becomes U+FFFD, one for each character that breaks off", "[core]") {
    const std::string mark = "\xEF\xBF\xBD";
    CHECK(valid_utf8("b\xE9"
                     "b\xE9") == "b" + mark + "b" + mark);               // Latin 1
    CHECK(valid_utf8("\x80\xBF") == mark + mark);                        // nothing began
    CHECK(valid_utf8("\xC0\xAF") == mark + mark);                        // overlong
    CHECK(valid_utf8("\xE0\x80\xAF") == mark + mark + mark);             // overlong
    CHECK(valid_utf8("\xED\xA0\x80") == mark + mark + mark);             // a surrogate
    CHECK(valid_utf8("\xF4\x90\x80\x80") == mark + mark + mark + mark);  // above U+10FFFF
    CHECK(valid_utf8("\xFF\xFE") == mark + mark);
    CHECK(valid_utf8("\xE2\x82x") == mark + "x");  // cut off inside
    CHECK(valid_utf8("\xF0\x9F\x98") == mark);     // cut off at the end
    CHECK(valid_utf8("\xF0\x9F\xC3\xA9") == mark + "\xC3\xA9");
}
