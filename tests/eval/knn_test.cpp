#include <cmath>
#include <lafs/eval/knn.hpp>
#include <random>

#include "catch.hpp"

namespace {

using Labels = std::vector<std::int64_t>;

lafs::KnnAccuracy of(const std::vector<float>& rows, std::size_t dim, const Labels& labels, std::int64_t k) {
    return lafs::knn_accuracy(rows, dim, labels, k);
}

/// Points on the unit circle at these degrees, at these distances from its centre.
std::vector<float> circle(const std::vector<double>& degrees) {
    std::vector<float> rows;
    double length = 1;
    for (const double degree : degrees) {
        length = length == 1 ? 7 : 1;  // only directions count
        rows.push_back(static_cast<float>(length * std::cos(degree * 3.14159265358979 / 180)));
        rows.push_back(static_cast<float>(length * std::sin(degree * 3.14159265358979 / 180)));
    }
    return rows;
}

}  // namespace

TEST_CASE("the nearest other row by cosine gives its label", "[eval]") {
    // 0 and 4 are each other's nearest, and 40 is nearer to 4 than to 90; 90 is nearest to 40.
    const auto rows = circle({0, 4, 40, 90});
    const auto same = of(rows, 2, {5, 5, 9, 9}, 1);
    CHECK(same.asked == 4);
    CHECK(same.accuracy == 0.75);  // 40 is called 5
    CHECK(of(rows, 2, {5, 5, 5, 9}, 1).accuracy == 1.0);
    CHECK(of(rows, 2, {5, 5, 5, 9}, 1).asked == 3);  // nobody else is 9: it is not asked
    CHECK(of(rows, 2, {5, 9, 5, 9}, 1).accuracy == 0.0);
}

TEST_CASE("k neighbours vote, of equal votes the nearer one's label wins", "[eval]") {
    const auto rows = circle({0, 10, 20, 30});
    // Nearest three of 0: 10, 20, 30; of 10: 0 and 20 equally near, then 30; of 20: 10, 30, then 0; of 30: 20, 10, 0.
    // With labels 1 1 2 2: 0 hears 1 2 2 (2), 10 hears 1 2 2 (2), 20 hears 1 2 1 (1), 30 hears 2 1 1 (1).
    CHECK(of(rows, 2, {1, 1, 2, 2}, 3).accuracy == 0.0);
    // Two: 0 hears 1 2 and 10 hears 1 2, ties that the nearer 1 wins; 22 hears 2 1 and 32 hears 2 1.
    CHECK(of(circle({0, 10, 22, 32}), 2, {1, 1, 2, 2}, 2).accuracy == 1.0);
    // More neighbours than there are others are all of them.
    CHECK(of(rows, 2, {1, 1, 2, 2}, 100).accuracy == of(rows, 2, {1, 1, 2, 2}, 3).accuracy);
}

TEST_CASE("random rows against a search written out", "[eval]") {
    constexpr std::size_t count = 60, dim = 13;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> rows;
    Labels labels;
    for (std::size_t i = 0; i < count; ++i) {
        labels.push_back(static_cast<std::int64_t>(i % 7));
        for (std::size_t d = 0; d < dim; ++d)
            rows.push_back(normal(random) + (d == i % 7 ? 1.0f : 0.0f));
    }
    std::size_t hits = 0;
    for (std::size_t i = 0; i < count; ++i) {
        double best = -2;
        std::size_t nearest = i;
        for (std::size_t j = 0; j < count; ++j) {
            double inner = 0, a = 0, b = 0;
            for (std::size_t d = 0; d < dim; ++d) {
                inner += static_cast<double>(rows[i * dim + d]) * static_cast<double>(rows[j * dim + d]);
                a += static_cast<double>(rows[i * dim + d]) * static_cast<double>(rows[i * dim + d]);
                b += static_cast<double>(rows[j * dim + d]) * static_cast<double>(rows[j * dim + d]);
            }
            if (j != i && inner / std::sqrt(a * b) > best) {
                best = inner / std::sqrt(a * b);
                nearest = j;
            }
        }
        hits += labels[nearest] == labels[i];
    }
    const auto result = of(rows, dim, labels, 1);
    CHECK(result.asked == count);
    CHECK(result.accuracy == Approx(static_cast<double>(hits) / count).epsilon(1e-12));
    CHECK(hits > count / 7);  // the rows tell something
}

TEST_CASE("sets that say nothing are refused", "[eval]") {
    const auto rows = circle({0, 10, 20});
    CHECK_THROWS_AS(of(rows, 2, {1, 2, 3}, 1), lafs::Error);
    CHECK_THROWS_AS(of(rows, 2, {1, 1}, 1), lafs::Error);
    CHECK_THROWS_AS(of(rows, 2, {1, 1, 1}, 0), lafs::Error);
    CHECK_THROWS_AS(of(circle({0}), 2, {1}, 1), lafs::Error);
    CHECK_THROWS_AS(of({1, 0, 0, 0}, 2, {1, 1}, 1), lafs::Error);
}
