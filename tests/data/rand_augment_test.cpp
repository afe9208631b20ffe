#include <array>
#include <cmath>
#include <lafs/data/rand_augment.hpp>
#include <vector>

#include "catch.hpp"
#include "small_images.hpp"

using lafs::Image, lafs::RandAugmentOptions, lafs::RandOperation, lafs::RandomSequence, lafs::RandStep;
using lafs_test::noise_image;

namespace {

std::vector<RandStep> draws(const RandAugmentOptions& options, std::uint64_t stream) {
    RandomSequence random(11, stream);
    return lafs::draw_rand_augment(options, random);
}

}  // namespace

TEST_CASE("severity grows with the magnitude as published", "[data]") {
    using enum RandOperation;
    CHECK(lafs::rand_amount(rotate, 10, false) == Approx(30));
    CHECK(lafs::rand_amount(rotate, 2, true) == Approx(-6));
    CHECK(lafs::rand_amount(shear_x, 10, true) == Approx(-0.3));
    CHECK(lafs::rand_amount(shear_y, 2, false) == Approx(0.06));
    CHECK(lafs::rand_amount(translate_x, 10, false) == Approx(0.45));
    CHECK(lafs::rand_amount(translate_y, 1, true) == Approx(-0.045));
    for (const auto operation : {colour, contrast, brightness, sharpness}) {
        CHECK(lafs::rand_amount(operation, 0, true) == 1);
        CHECK(lafs::rand_amount(operation, 10, false) == Approx(1.9));
        CHECK(lafs::rand_amount(operation, 10, true) == Approx(0.1));
    }
    const int bits[] = {4, 4, 4, 3, 3, 2, 2, 2, 1, 1, 0};
    for (int magnitude = 0; magnitude <= 10; ++magnitude)
        CHECK(lafs::rand_amount(posterize, magnitude, false) == bits[magnitude]);
}

TEST_CASE("operations, probabilities and magnitudes are drawn as asked", "[data]") {
    const RandAugmentOptions options{2, 0.5, 2, 0.5};
    std::array<int, lafs::rand_operation_count> seen{};
    int happened = 0, none = 0, negative = 0, rotations = 0, cubic = 0;
    double sum = 0, squares = 0;
    constexpr int images = 20000;
    for (std::uint64_t stream = 0; stream < images; ++stream) {
        const auto steps = draws(options, stream);
        none += steps.empty();
        for (const RandStep& step : steps) {
            ++happened;
            ++seen[static_cast<std::size_t>(step.operation)];
            cubic += step.filter == lafs::Filter::bicubic;
            if (step.operation == RandOperation::rotate) {
                ++rotations;
                negative += step.amount < 0;
                const double magnitude = std::abs(step.amount) / 3;
                sum += magnitude;
                squares += magnitude * magnitude;
            }
        }
    }
    CHECK(happened == Approx(images).epsilon(0.03));
    CHECK(none == Approx(images / 4.0).epsilon(0.05));
    CHECK(cubic == Approx(happened / 2.0).epsilon(0.05));
    for (const int count : seen)
        CHECK(count == Approx(happened / 13.0).epsilon(0.12));
    const double mean = sum / rotations;
    CHECK(mean == Approx(2).epsilon(0.03));
    CHECK(std::sqrt(squares / rotations - mean * mean) == Approx(0.5).epsilon(0.1));
    CHECK(negative == Approx(rotations / 2.0).epsilon(0.1));
}

TEST_CASE("a draw is a function of the sequence and takes the same numbers whatever it draws", "[data]") {
    for (std::uint64_t stream = 0; stream < 100; ++stream) {
        const auto all = draws({2, 0.5, 3, 1.0}, stream), some = draws({2, 0.5, 3, 0.4}, stream);
        REQUIRE(all.size() == 3);
        std::size_t at = 0;  // `some` is a part of `all`
        for (const RandStep& step : some) {
            while (at < 3 && (all[at].operation != step.operation || all[at].amount != step.amount))
                ++at;
            CHECK(at < 3);
        }
        RandomSequence first(11, stream), second(11, stream);
        lafs::draw_rand_augment({2, 0.5, 3, 1.0}, first);
        lafs::draw_rand_augment({9, 0.1, 3, 0.0}, second);
        CHECK(first.bits() == second.bits());
    }
    // Magnitudes stay on the scale.
    for (std::uint64_t stream = 0; stream < 500; ++stream)
        for (const RandStep& step : draws({9.9, 4, 2, 1}, stream))
            if (step.operation == RandOperation::rotate)
                CHECK(std::abs(step.amount) <= 30.0);
}

TEST_CASE("each step does its operation, in order", "[data]") {
    const Image image = noise_image(20, 10);
    const auto step = [&](RandOperation operation, double amount) {
        return lafs::apply_rand_step(image, {operation, amount, lafs::Filter::bicubic}, 7);
    };
    constexpr auto cubic = lafs::Filter::bicubic;
    CHECK(step(RandOperation::autocontrast, 0) == lafs::autocontrast(image));
    CHECK(step(RandOperation::equalize, 0) == lafs::equalize(image));
    CHECK(step(RandOperation::invert, 0) == lafs::invert(image));
    CHECK(step(RandOperation::rotate, 9) == lafs::rotate(image, 9, cubic, 7));
    CHECK(step(RandOperation::posterize, 3) == lafs::posterize(image, 3));
    CHECK(step(RandOperation::colour, 0.8) == lafs::adjust_saturation(image, 0.8));
    CHECK(step(RandOperation::contrast, 0.8) == lafs::adjust_contrast(image, 0.8));
    CHECK(step(RandOperation::brightness, 0.8) == lafs::adjust_brightness(image, 0.8));
    CHECK(step(RandOperation::sharpness, 0.8) == lafs::adjust_sharpness(image, 0.8));
    CHECK(step(RandOperation::shear_x, 0.1) == lafs::shear_x(image, 0.1, cubic, 7));
    CHECK(step(RandOperation::shear_y, 0.1) == lafs::shear_y(image, 0.1, cubic, 7));
    CHECK(step(RandOperation::translate_x, 0.1) == lafs::translate_x(image, 2, cubic, 7));
    CHECK(step(RandOperation::translate_y, -0.1) == lafs::translate_y(image, -1, cubic, 7));

    const std::vector<RandStep> two{{RandOperation::posterize, 2, cubic}, {RandOperation::invert, 0, cubic}};
    CHECK(lafs::apply_rand_augment(image, two) == lafs::invert(lafs::posterize(image, 2)));
    RandomSequence first(3, 4), second(3, 4);
    CHECK(lafs::rand_augment(image, {5, 0.5, 4, 1}, first) ==
          lafs::rand_augment(image, {5, 0.5, 4, 1}, second));
}

TEST_CASE("bad options of RandAugment are refused", "[data]") {
    CHECK_THROWS_AS(draws({-1, 0.5, 2, 0.5}, 0), lafs::Error);
    CHECK_THROWS_AS(draws({11, 0.5, 2, 0.5}, 0), lafs::Error);
    CHECK_THROWS_AS(draws({1, std::nan(""), 2, 0.5}, 0), lafs::Error);
    CHECK_THROWS_AS(draws({1, 0.5, -1, 0.5}, 0), lafs::Error);
    CHECK_THROWS_AS(draws({1, 0.5, 2, 1.5}, 0), lafs::Error);
    CHECK_THROWS_AS(lafs::apply_rand_step(noise_image(2, 2), {static_cast<RandOperation>(13), 0}),
                    lafs::Error);
}
