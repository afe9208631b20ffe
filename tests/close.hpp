// Comparison of computed values with an independent truth.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "catch.hpp"

namespace lafs_test {

/// |got - expected| <= tolerance * (1 + largest |expected|), for all elements; for 16-bit types, whose
/// tolerance is no small part of 1, with 1e-6 in its place.
template <class T>
void check_close(const std::vector<T>& got, const std::vector<double>& expected, double tolerance) {
    REQUIRE(got.size() == expected.size());
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double error = std::abs(static_cast<double>(got[i]) - expected[i]);
        largest = std::max(largest, std::abs(expected[i]));
        worst = error > worst || std::isnan(error) ? error : worst;
    }
    CHECK(worst <= tolerance * ((sizeof(T) == 2 ? 1e-6 : 1) + largest));
}

template <class T>
inline constexpr double tolerance = std::is_same_v<T, double> ? 1e-12
                                    : sizeof(T) == 2          ? 1e-2
                                                              : 1e-5;

}  // namespace lafs_test
