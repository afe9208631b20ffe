#include <lafs/data/scaled_images.hpp>
#include <string>

#include "catch.hpp"

TEST_CASE("images of another size are counted and told once", "[data]") {
    std::string told;
    const lafs::WarningSink before =
        lafs::set_warning_sink([&](const std::string& text) { told += text + "\n"; });
    lafs::ScaledImages images;
    images.add(112, 112, [] { return std::string("a"); });
    images.tell("the set");
    CHECK(told.empty());
    images.add(112, 111, [] { return std::string("b"); });
    images.add(250, 250, [] { return std::string("c"); });
    CHECK(images.seen() == 3);
    CHECK(images.count() == 2);
    images.tell("the set");
    images.tell("the set");
    CHECK(told ==
          "2 of 3 images of the set are not 112 x 112 (the first: b, 112 x 111) and were resized: results "
          "are only "
          "good for faces aligned as in training (lafs_align)\n");
    lafs::set_warning_sink(before);
}
