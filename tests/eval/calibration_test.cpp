// Constants: exact binomial sums and the normal distribution of Python's standard library.
#include <cmath>
#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/eval/calibration.hpp>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

struct Scores {
    std::vector<double> values;
    std::vector<std::uint8_t> same;

    lafs::Calibration calibrate(double far, double confidence = 0.95) const {
        return lafs::calibrate(values, same, far, confidence);
    }
};

/// Impostors at 0.001, 0.002 .. count / 1000, genuine pairs at 0.5 and 2.
Scores ladder(int count) {
    Scores scores{{0.5, 2.0}, {1, 1}};
    for (int i = 1; i <= count; ++i) {
        scores.values.push_back(i / 1000.0);
        scores.same.push_back(0);
    }
    return scores;
}

}  // namespace

TEST_CASE("distributions agree with exact sums", "[eval]") {
    CHECK(lafs::binomial_tail(3, 20, 0.1) == Approx(0.323073194810534).epsilon(1e-12));
    CHECK(lafs::binomial_tail(100, 1000, 0.09) == Approx(0.147176493778428).epsilon(1e-11));
    CHECK(lafs::binomial_tail(1, 1000, 0.001) == Approx(0.632304575229036).epsilon(1e-11));
    CHECK(lafs::binomial_tail(31, 3000, 0.01) == Approx(0.4516478760242).epsilon(1e-11));
    CHECK(lafs::binomial_tail(0, 10, 0.3) == 1.0);
    CHECK(lafs::binomial_tail(11, 10, 0.3) == 0.0);
    CHECK(lafs::incomplete_beta(2.5, 1.5, 0.3) == Approx(0.08894372317067).epsilon(1e-11));
    CHECK(lafs::incomplete_beta(2.5, 1.5, 0.8) == Approx(0.7489717355833).epsilon(1e-11));
    CHECK(lafs::normal_quantile(1e-8) == Approx(-5.61200124417479).epsilon(1e-13));
    CHECK(lafs::normal_quantile(0.025) == Approx(-1.95996398454005).epsilon(1e-13));
    CHECK(lafs::normal_quantile(0.3) == Approx(-0.524400512708041).epsilon(1e-13));
    CHECK(lafs::normal_quantile(0.5) == Approx(0.0).margin(1e-15));
    CHECK(lafs::normal_quantile(0.999) == Approx(3.09023230616781).epsilon(1e-12));
    CHECK_THROWS_AS(lafs::normal_quantile(0.0), lafs::Error);
}

TEST_CASE("exact intervals of counted shares", "[eval]") {
    const auto check = [](std::int64_t count, std::int64_t total, double confidence, double low,
                          double high) {
        const lafs::RateInterval interval = lafs::clopper_pearson(count, total, confidence);
        CHECK(interval.rate == static_cast<double>(count) / static_cast<double>(total));
        CHECK(interval.low == Approx(low).epsilon(1e-10));
        CHECK(interval.high == Approx(high).epsilon(1e-10));
    };
    check(0, 10, 0.95, 0.0, 0.308497107819);
    check(3, 20, 0.95, 0.0320709371855, 0.378926826545);
    check(10, 10, 0.95, 0.691502892181, 1.0);
    check(7, 1000, 0.95, 0.00281885875962, 0.0143691949789);
    check(50, 3000, 0.9, 0.0130100874514, 0.0210488576825);
    // 15 million pairs, as in IJB-C: the normal approximation holds, and it is done at once.
    const lafs::RateInterval many = lafs::clopper_pearson(150'000, 15'000'000, 0.95);
    const double deviation = std::sqrt(0.01 * 0.99 / 15e6);
    CHECK(many.low == Approx(0.01 - 1.96 * deviation).epsilon(3e-5));
    CHECK(many.high == Approx(0.01 + 1.96 * deviation).epsilon(3e-5));
    CHECK_THROWS_AS(lafs::clopper_pearson(3, 2, 0.95), lafs::Error);
    CHECK_THROWS_AS(lafs::clopper_pearson(1, 2, 1.0), lafs::Error);
}

TEST_CASE("the threshold lies between the scores that the FAR separates", "[eval]") {
    const lafs::Calibration result = ladder(1000).calibrate(0.03);
    CHECK(result.threshold.cosine == Approx(0.9705));  // 30 of 1000 above: 0.971 .. 1
    CHECK(result.threshold.squared_distance == Approx(2.0 - 2.0 * 0.9705));
    CHECK(result.impostors == 1000);
    CHECK(result.genuine == 2);
    CHECK(result.far.rate == 0.03);
    CHECK(result.tar.rate == 0.5);
    CHECK(result.warning.empty());
    // Binomial(1000, 0.03): P(N >= 42) = 0.0204, P(N >= 41) = 0.0302; P(N < 20) = 0.0204, P(N < 21) = 0.0333.
    REQUIRE(result.cosine_low);
    REQUIRE(result.cosine_high);
    CHECK(*result.cosine_low == Approx(0.959));   // the 42nd from above
    CHECK(*result.cosine_high == Approx(0.981));  // the 20th
}

TEST_CASE("the interval of the threshold has the ranks of a binomial table", "[eval]") {
    // Binomial(20, 0.2): P(N >= 8) = 0.0321, P(N >= 9) = 0.0100; P(N <= 0) = 0.0115, P(N <= 1) = 0.0692.
    const lafs::Calibration result = ladder(20).calibrate(0.2);
    CHECK(result.threshold.cosine == Approx(0.0165));  // 4 above: 0.017 .. 0.020
    REQUIRE(result.cosine_low);
    REQUIRE(result.cosine_high);
    CHECK(*result.cosine_low == Approx(0.012));   // the 9th from above
    CHECK(*result.cosine_high == Approx(0.020));  // the first
}

TEST_CASE("sets that are too small are told", "[eval]") {
    const lafs::Calibration none = ladder(100).calibrate(0.001);
    CHECK(none.threshold.cosine == Approx(0.1));  // the highest impostor
    CHECK(none.far.rate == 0.0);
    CHECK(none.far.high == Approx(1.0 - std::pow(0.025, 0.01)));  // (1 - p)^100 = 0.025
    CHECK_FALSE(none.cosine_high);
    CHECK(none.warning.find("100 impostor pairs are too few for FAR 0.001") != std::string::npos);
    CHECK(none.warning.find("at least 1000 pairs are needed, 30000 for a FAR within 30 %") !=
          std::string::npos);
    const lafs::Calibration few = ladder(100).calibrate(0.07);
    CHECK(few.warning.find("rests on 7 of them") != std::string::npos);
    CHECK(ladder(1).calibrate(0.5).threshold.cosine == Approx(0.001));
}

TEST_CASE("equal scores are on one side of the threshold", "[eval]") {
    const Scores tied{{0.9, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1},
                      {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
    // 2 of 10 may pass, but four are equal: none passes, rather than four.
    const lafs::Calibration result = tied.calibrate(0.2);
    CHECK(result.threshold.cosine == 0.3);
    CHECK(result.far.rate == 0.0);
    CHECK(result.tar.rate == 1.0);
}

TEST_CASE("intervals hold the truth as often as they say", "[eval]") {
    // Impostors are standard normal: the true threshold of FAR 0.05 is 1.6448536269514722.
    constexpr double truth = 1.6448536269514722;
    int threshold_held = 0, far_held = 0;
    constexpr int sets = 400;
    for (int set = 0; set < sets; ++set) {
        lafs::RandomSequence random(7, static_cast<std::uint64_t>(set));
        Scores scores{{5.0}, {1}};
        for (int i = 0; i < 300; ++i) {
            scores.values.push_back(random.normal(0.0));
            scores.same.push_back(0);
        }
        const lafs::Calibration result = scores.calibrate(0.05, 0.9);
        const double true_far = 0.5 * std::erfc(result.threshold.cosine / std::sqrt(2.0));
        threshold_held += *result.cosine_low <= truth && truth <= *result.cosine_high;
        far_held += result.far.low <= true_far && true_far <= result.far.high;
    }
    // 90 % of 400 is 360, deviation 6: four deviations below.
    CHECK(threshold_held >= 336);
    CHECK(far_held >= 336);
    CHECK(threshold_held < sets);  // nor is the interval everything
    CHECK(far_held < sets);
}

TEST_CASE("calibration refuses what it cannot use", "[eval]") {
    Scores scores = ladder(10);
    CHECK_THROWS_AS(scores.calibrate(0.0), lafs::Error);
    CHECK_THROWS_AS(scores.calibrate(1.0), lafs::Error);
    CHECK_THROWS_AS(scores.calibrate(0.1, 1.0), lafs::Error);
    scores.values[3] = std::numeric_limits<double>::quiet_NaN();
    CHECK(lafs_test::message_of([&] { scores.calibrate(0.1); }).find("pair 3, expected finite") !=
          std::string::npos);
    scores = {{0.1, 0.2}, {0, 0}};
    CHECK(lafs_test::message_of([&] { scores.calibrate(0.1); }).find("got 0 genuine and 2 impostor") !=
          std::string::npos);
    scores.same.pop_back();
    CHECK_THROWS_AS(scores.calibrate(0.1), lafs::Error);
}
