// One check of what a message, a page or a program's output says.
#pragma once

#include <string>

#include "catch.hpp"

namespace lafs_test {

/// Checks that `part` stands in `text`, and shows both if not.
inline void check_contains(const std::string& text, const std::string& part) {
    INFO(text << "\nexpected to contain: " << part);
    CHECK(text.find(part) != std::string::npos);
}

}  // namespace lafs_test
