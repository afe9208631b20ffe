#include <cmath>
#include <lafs/data/random_crop.hpp>

#include "catch.hpp"

using lafs::Box;
using lafs::BoxRange;
using lafs::RandomSequence;

TEST_CASE("random boxes lie inside, with area and proportion in range and uniform", "[data]") {
    const BoxRange range{0.1, 0.4, 0.75, 4.0 / 3.0};
    const int width = 200, height = 150, count = 4000;
    double share = 0, log_ratio = 0, log_ratio_squares = 0, left = 0, top = 0;
    RandomSequence random(11, 0);
    for (int i = 0; i < count; ++i) {
        const auto box = lafs::random_box(width, height, range, random);
        REQUIRE(box.has_value());
        REQUIRE(box->left >= 0);
        REQUIRE(box->top >= 0);
        REQUIRE(box->left + box->width <= width);
        REQUIRE(box->top + box->height <= height);
        const double own = static_cast<double>(box->width) * box->height / (width * height);
        const double proportion = static_cast<double>(box->width) / box->height;
        REQUIRE(own > 0.098);  // whole pixels
        REQUIRE(own < 0.404);
        REQUIRE(proportion > 0.73);
        REQUIRE(proportion < 1.37);
        share += own / count;
        log_ratio += std::log(proportion) / count;
        log_ratio_squares += std::log(proportion) * std::log(proportion) / count;
        left += (box->left + 0.5) / (width - box->width + 1) / count;
        top += (box->top + 0.5) / (height - box->height + 1) / count;
    }
    // Five standard errors of the uniform distributions.
    CHECK(share == Approx(0.25).margin(5 * 0.3 / std::sqrt(12.0 * count)));
    CHECK(left == Approx(0.5).margin(5 / std::sqrt(12.0 * count)));
    CHECK(top == Approx(0.5).margin(5 / std::sqrt(12.0 * count)));
    const double length = 2 * std::log(4.0 / 3.0);
    CHECK(log_ratio == Approx(0.0).margin(5 * length / std::sqrt(12.0 * count)));
    CHECK(log_ratio_squares == Approx(length * length / 12).epsilon(0.05));
}

TEST_CASE("where no box fits, the crop is the central part of a permitted proportion", "[data]") {
    const BoxRange range{0.9, 1.0, 3.0 / 4.0, 4.0 / 3.0};
    RandomSequence random(1, 0);
    CHECK_FALSE(lafs::random_box(400, 30, range, random).has_value());
    const Box wide = lafs::random_crop_box(400, 30, range, random);
    CHECK(wide.width == 40);
    CHECK(wide.height == 30);
    CHECK(wide.left == 180);
    CHECK(wide.top == 0);
    const Box tall = lafs::random_crop_box(30, 400, range, random);
    CHECK(tall.width == 30);
    CHECK(tall.height == 40);
    CHECK(tall.top == 180);
    const Box whole = lafs::central_box(100, 90, range);
    CHECK(whole.width == 100);
    CHECK(whole.height == 90);
    const Box pixel = lafs::random_crop_box(1, 1, range, random);
    CHECK(pixel.width == 1);
    CHECK(pixel.height == 1);
}

TEST_CASE("erasing has torchvision's range, height / width 0.3 to 3.3, of 2 to 10 percent", "[data]") {
    CHECK(lafs::erasing_range.smallest == 0.02);
    CHECK(lafs::erasing_range.largest == 0.1);
    CHECK(1 / lafs::erasing_range.widest == Approx(0.3));
    CHECK(1 / lafs::erasing_range.narrowest == Approx(3.3));
}

TEST_CASE("ranges of random boxes are checked", "[data]") {
    RandomSequence random(1, 0);
    CHECK_THROWS_AS(lafs::random_box(9, 9, BoxRange{0.0, 1.0, 1.0, 1.0}, random), lafs::Error);
    CHECK_THROWS_AS(lafs::random_box(9, 9, BoxRange{0.5, 0.4, 1.0, 1.0}, random), lafs::Error);
    CHECK_THROWS_AS(lafs::random_box(9, 9, BoxRange{0.5, 1.1, 1.0, 1.0}, random), lafs::Error);
    CHECK_THROWS_AS(lafs::random_box(9, 9, BoxRange{0.5, 1.0, 2.0, 1.0}, random), lafs::Error);
}
