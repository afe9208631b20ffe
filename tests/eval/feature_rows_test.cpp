#include <cmath>
#include <lafs/eval/feature_rows.hpp>
#include <limits>
#include <vector>

#include "catch.hpp"

TEST_CASE("sums of products have the bits that NumPy gives", "[eval]") {
    // a_i = 1/(i+1), b_i = 1/(i+3); numpy.sum(a * b) and numpy.einsum('i,i', a, a), NumPy 2.4 on x86-64.
    // A plain loop gives other last bits for 21 and 300.
    struct Case {
        int count;
        double dot, square_sum;
    };
    for (const Case& expected : {Case{5, 0x1.30c30c30c30c3p-1, 0x1.76af37c048d16p+0},
                                 Case{21, 0x1.693bb3194be3bp-1, 0x1.9932c3168cc78p+0},
                                 Case{300, 0x1.7e4d440ba5dbcp-1, 0x1.a4404f31f412dp+0}}) {
        std::vector<double> a, b;
        for (int i = 0; i < expected.count; ++i) {
            a.push_back(1.0 / (i + 1));
            b.push_back(1.0 / (i + 3));
        }
        CHECK(lafs::pairwise_dot(a, b) == expected.dot);
        CHECK(lafs::interleaved_square_sum(a) == expected.square_sum);
    }
    CHECK_THROWS_AS(lafs::pairwise_dot(std::vector<double>(3), std::vector<double>(4)), lafs::Error);
}

TEST_CASE("rows are normalised one by one", "[eval]") {
    std::vector<double> rows = {3.0, 4.0, 0.0, -2.0};
    lafs::normalise_rows("test", rows, 2);
    CHECK(rows == std::vector<double>{0.6, 0.8, 0.0, -1.0});
    rows[2] = rows[3] = 0.0;
    CHECK_THROWS_AS(lafs::normalise_rows("test", rows, 2), lafs::Error);
}

TEST_CASE("features are whole rows of finite numbers", "[eval]") {
    std::vector<float> features(6, 1.0f);
    CHECK(lafs::checked_rows("test", features, 2) == 3);
    CHECK_THROWS_AS(lafs::checked_rows("test", std::span<const float>(features), 4), lafs::Error);
    CHECK_THROWS_AS(lafs::checked_rows("test", std::span<const float>(features), 0), lafs::Error);
    CHECK_THROWS_AS(lafs::checked_rows("test", std::span<const float>(), 2), lafs::Error);
    features[5] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(lafs::checked_rows("test", std::span<const float>(features), 2), lafs::Error);
}
