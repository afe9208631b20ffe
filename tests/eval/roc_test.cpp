#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/eval/roc.hpp>
#include <limits>
#include <vector>

#include "catch.hpp"

namespace {

using lafs::RocPoints;

struct Pairs {
    std::vector<double> scores;
    std::vector<std::uint8_t> same;
};

Pairs random_pairs(std::uint64_t seed, int count) {
    lafs::RandomSequence random(seed, 0);
    Pairs pairs;
    for (int i = 0; i < count; ++i) {
        pairs.same.push_back(i % 3 == 0);
        pairs.scores.push_back(std::round(random.normal(pairs.same.back() ? 1.0 : 0.0) * 8.0) / 8.0);  // ties
    }
    return pairs;
}

double rate(const Pairs& pairs, bool genuine, double threshold) {
    int accepted = 0, total = 0;
    for (std::size_t i = 0; i < pairs.same.size(); ++i) {
        if (static_cast<bool>(pairs.same[i]) != genuine)
            continue;
        ++total;
        accepted += pairs.scores[i] >= threshold;
    }
    return static_cast<double>(accepted) / total;
}

}  // namespace

TEST_CASE("the curve of a small list of pairs, by hand", "[eval]") {
    //                                 g    i    i    g    i     (sorted: g .9, i .7, g .5 = i .5, i .1)
    const std::vector<double> scores = {0.9, 0.7, 0.1, 0.5, 0.5};
    const std::vector<std::uint8_t> same = {1, 0, 0, 1, 0};
    const lafs::RocCurve curve = lafs::roc_curve(scores, same, RocPoints::all);
    const double third = 1.0 / 3.0;
    CHECK(curve.far == std::vector<double>{0.0, 0.0, third, 2 * third, 1.0});
    CHECK(curve.tar == std::vector<double>{0.0, 0.5, 0.5, 1.0, 1.0});
    CHECK(curve.thresholds[0] > 0.9);
    CHECK(std::vector<double>(curve.thresholds.begin() + 1, curve.thresholds.end()) ==
          std::vector<double>{0.9, 0.7, 0.5, 0.1});
    // Genuine pairs above impostors: .9 beats all 3; .5 beats one, ties with one: 4.5 of 6.
    CHECK(lafs::area_under(curve) == Approx(0.75).epsilon(1e-14));
}

TEST_CASE("rates agree with counting at every threshold", "[eval]") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const Pairs pairs = random_pairs(seed, 200);
        const lafs::RocCurve all = lafs::roc_curve(pairs.scores, pairs.same, RocPoints::all);
        for (std::size_t k = 0; k < all.far.size(); ++k) {
            CHECK(all.far[k] == rate(pairs, false, all.thresholds[k]));
            CHECK(all.tar[k] == rate(pairs, true, all.thresholds[k]));
        }
        double wins = 0.0;
        int count = 0;
        for (std::size_t i = 0; i < pairs.same.size(); ++i)
            for (std::size_t j = 0; j < pairs.same.size(); ++j)
                if (pairs.same[i] && !pairs.same[j]) {
                    wins += pairs.scores[i] > pairs.scores[j]    ? 1.0
                            : pairs.scores[i] == pairs.scores[j] ? 0.5
                                                                 : 0.0;
                    ++count;
                }
        CHECK(lafs::area_under(all) == Approx(wins / count).epsilon(1e-12));
        CHECK(lafs::area_under(lafs::roc_curve(pairs.scores, pairs.same)) ==
              Approx(wins / count).epsilon(1e-12));
    }
}

TEST_CASE("corners leave out points on a straight line with even steps", "[eval]") {
    // g, i, i, i, g: of the run of impostors only the ends stay, as in scikit-learn.
    const std::vector<double> scores = {5, 4, 3, 2, 1};
    const std::vector<std::uint8_t> same = {1, 0, 0, 0, 1};
    const lafs::RocCurve curve = lafs::roc_curve(scores, same);
    CHECK(curve.far == std::vector<double>{0.0, 0.0, 1.0, 1.0});
    CHECK(curve.tar == std::vector<double>{0.0, 0.5, 0.5, 1.0});
    // FAR 2/3 is nearest to 0.6 among all points; the corners know only 0 and 1.
    CHECK(lafs::tar_at_far(lafs::roc_curve(scores, same, RocPoints::all), 0.6) == 0.5);
    CHECK(lafs::tar_at_far(curve, 0.6) == 1.0);
}

TEST_CASE("TAR is the largest among the points of the nearest FAR", "[eval]") {
    const lafs::RocCurve curve{{0.0, 0.0, 0.25, 0.25, 0.75, 1.0}, {0.1, 0.2, 0.3, 0.4, 0.5, 1.0}, {}};
    CHECK(lafs::tar_at_far(curve, 0.0) == 0.2);
    CHECK(lafs::tar_at_far(curve, 0.1) == 0.2);
    CHECK(lafs::tar_at_far(curve, 0.2) == 0.4);
    CHECK(lafs::tar_at_far(curve, 0.5) == 0.5);  // 0.25 and 0.75 are as near
    CHECK(lafs::tar_at_far(curve, 1.0) == 1.0);
    CHECK_THROWS_AS(lafs::tar_at_far(curve, -0.1), lafs::Error);
    CHECK_THROWS_AS(lafs::tar_at_far(curve, 1.5), lafs::Error);
    CHECK_THROWS_AS(lafs::tar_at_far({}, 0.5), lafs::Error);
}

TEST_CASE("a curve needs both classes and finite scores", "[eval]") {
    const std::vector<double> scores = {1.0, 2.0};
    CHECK_THROWS_AS(lafs::roc_curve(scores, std::vector<std::uint8_t>{1, 1}), lafs::Error);
    CHECK_THROWS_AS(lafs::roc_curve(scores, std::vector<std::uint8_t>{0, 0}), lafs::Error);
    CHECK_THROWS_AS(lafs::roc_curve(scores, std::vector<std::uint8_t>{0}), lafs::Error);
    CHECK_THROWS_AS(lafs::roc_curve({}, {}), lafs::Error);
    const std::vector<double> broken = {1.0, std::numeric_limits<double>::quiet_NaN()};
    CHECK_THROWS_AS(lafs::roc_curve(broken, std::vector<std::uint8_t>{0, 1}), lafs::Error);
}
