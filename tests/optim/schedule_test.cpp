#include <cmath>
#include <lafs/io/safetensors.hpp>
#include <lafs/optim/schedule.hpp>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"

namespace {

using lafs::cosine_schedule;

double worst_difference(const lafs::Schedule& schedule, const std::vector<double>& expected) {
    double worst = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i)
        worst = std::max(worst, std::abs(schedule.at(static_cast<std::int64_t>(i)) - expected[i]));
    return worst;
}

}  // namespace

TEST_CASE("a cosine schedule warms up to its base, then falls to its end", "[optim]") {
    // 4 epochs of 2 steps, one of them warm-up: linspace(0, 1, 2), then 0.1 + 0.9 (1 + cos(pi i / 6)) / 2.
    const lafs::Schedule schedule = cosine_schedule(1.0, 0.1, 4, 2, 1);
    CHECK(schedule.steps() == 8);
    const double r = std::sqrt(3.0) / 2.0;
    const std::vector<double> expected = {0.0,   1.0,  1.0,   0.55 + 0.45 * r,
                                          0.775, 0.55, 0.325, 0.55 - 0.45 * r};
    CHECK(worst_difference(schedule, expected) < 1e-15);
    CHECK(schedule.at(8) == 0.1);
    CHECK(schedule.at(std::numeric_limits<std::int64_t>::max()) == 0.1);
}

TEST_CASE("warm-up includes both ends, and may be one step or the whole run", "[optim]") {
    CHECK(worst_difference(cosine_schedule(4.0, 0.0, 5, 1, 5, 0.0), {0.0, 1.0, 2.0, 3.0, 4.0, 0.0}) < 1e-15);
    CHECK(worst_difference(cosine_schedule(4.0, 2.0, 2, 1, 1, 1.0), {1.0, 4.0, 2.0}) < 1e-15);
    CHECK(worst_difference(lafs::linear_schedule(1.0, 2.0, 3), {1.0, 1.5, 2.0, 2.0}) < 1e-15);
    CHECK(worst_difference(lafs::constant_schedule(3.0), {3.0, 3.0}) == 0.0);
}

TEST_CASE("the teacher's temperature is given by epoch", "[optim]") {
    const lafs::Schedule schedule = lafs::teacher_temperature();
    CHECK(schedule.at(0) == 0.07);
    CHECK(schedule.at(1) == Approx(0.07 - 0.03 / 29.0).epsilon(1e-14));
    CHECK(schedule.at(29) == 0.04);
    CHECK(schedule.at(40) == 0.04);
    CHECK(lafs::teacher_temperature(0.04, 0.04, 0).at(0) == 0.04);
}

TEST_CASE("the weight of the landmark regularisation changes after epochs 7, 13, 20 and 27", "[optim]") {
    const lafs::PiecewiseSchedule weight = lafs::landmark_regularisation_weight();
    // The published conditions, epochs counted from 0: 13 >= epoch > 7, 20 >= epoch > 13, 27 >= epoch > 20,
    // epoch > 27, and the rest.
    for (std::int64_t epoch = 0; epoch < 34; ++epoch) {
        const double expected = epoch > 27   ? 0.0
                                : epoch > 20 ? 0.11
                                : epoch > 13 ? 1.0
                                : epoch > 7  ? 100
                                             : 1000;
        INFO(epoch);
        CHECK(weight.at(epoch) == expected);
    }
}

TEST_CASE("peak learning rates are those of the published runs", "[optim]") {
    // 2 processes x 200 images x 3 batches of a step: 2.1e-3 sqrt(400 / 336).
    CHECK(lafs::supervised_peak_lr(400, 3) == Approx(2.2912878474779e-3).epsilon(1e-12));
    CHECK(lafs::supervised_peak_lr(336, 1) == Approx(7e-4).epsilon(1e-15));
    // Accumulating counts in full, the batch by its root: 1200 images at once have a smaller rate.
    CHECK(lafs::supervised_peak_lr(1200, 1) / lafs::supervised_peak_lr(400, 3) ==
          Approx(1 / std::sqrt(3.0)).epsilon(1e-12));
    CHECK(lafs::pretraining_peak_lr(2 * 82) == Approx(3.203125e-4).epsilon(1e-15));
    CHECK_THROWS_AS(lafs::supervised_peak_lr(0, 3), lafs::Error);
    CHECK_THROWS_AS(lafs::supervised_peak_lr(200, 0), lafs::Error);
    CHECK_THROWS_AS(lafs::pretraining_peak_lr(0), lafs::Error);
}

TEST_CASE("the learning rate of a published run, step by step", "[optim]") {
    // Stage 3: 34 epochs, 5 of them warm-up, here of 10 steps: i / 49 of the peak, then a cosine of 290.
    const lafs::Schedule third = cosine_schedule(lafs::supervised_peak_lr(400, 3), 1e-6, 34, 10, 5);
    CHECK(third.at(0) == 0);
    CHECK(third.at(1) == Approx(2.2912878474779e-3 / 49));
    CHECK(third.at(49) == Approx(2.2912878474779e-3));
    CHECK(third.at(50) == Approx(2.2912878474779e-3));
    CHECK(third.at(50 + 145) == Approx((2.2912878474779e-3 + 1e-6) / 2));
    CHECK(third.at(340) == 1e-6);
    // Stage 2: 41 epochs, 10 of them warm-up; weight decay and momentum over all of them.
    const lafs::Schedule second = cosine_schedule(lafs::pretraining_peak_lr(164), 1e-6, 41, 10, 10);
    CHECK(second.at(99) == Approx(3.203125e-4));
    CHECK(second.at(100 + 155) == Approx((3.203125e-4 + 1e-6) / 2));
    CHECK(cosine_schedule(0.04, 0.4, 41, 10).at(205) == Approx(0.22));
    CHECK(cosine_schedule(0.996, 1, 41, 10).at(205) == Approx(0.998));
}

TEST_CASE("schedules refuse nonsense", "[optim]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(cosine_schedule(1, 0, 0, 5), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, 0, 5, 0), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, 0, -5, -5), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, 0, 5, 5, 6), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, 0, 5, 5, -1), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(nan, 0, 5, 5), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, infinity, 5, 5), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, 0, std::int64_t{1} << 40, std::int64_t{1} << 40), lafs::Error);
    CHECK_THROWS_AS(cosine_schedule(1, 0, 5, 5).at(-1), lafs::Error);
    CHECK_THROWS_AS(lafs::linear_schedule(1, 0, 0), lafs::Error);
    CHECK_THROWS_AS(lafs::teacher_temperature(0.0, 0.04), lafs::Error);
    CHECK_THROWS_AS(lafs::PiecewiseSchedule({{3, 1.0}, {3, 2.0}}), lafs::Error);
    CHECK_THROWS_AS(lafs::PiecewiseSchedule({{3, nan}}), lafs::Error);
    CHECK_THROWS_AS(lafs::landmark_regularisation_weight().at(-1), lafs::Error);
}

TEST_CASE("schedules agree with the published implementation", "[optim]") {
    const auto path = lafs_test::shared("reference/08_schedules.safetensors");
    if (!path)
        return;
    const auto file = lafs::SafetensorsFile::open(*path);
    const lafs::Schedule schedules[] = {cosine_schedule(5e-4, 1e-6, 41, 7, 10),
                                        cosine_schedule(0.04, 0.4, 41, 7), cosine_schedule(0.996, 1, 41, 7),
                                        cosine_schedule(1e-3, 1e-5, 5, 13, 2, 1e-6)};
    for (int i = 0; i < 4; ++i) {
        const std::vector<double> expected = file.read<double>("cosine" + std::to_string(i));
        CHECK(static_cast<std::size_t>(schedules[i].steps()) == expected.size());
        CHECK(worst_difference(schedules[i], expected) < 1e-15);
    }
    CHECK(worst_difference(lafs::teacher_temperature(), file.read<double>("teacher_temp")) < 1e-15);
}
