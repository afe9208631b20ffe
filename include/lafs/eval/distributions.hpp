// The few distributions that error rates need: normal quantiles, and exact intervals of binomial shares.
//
// P(N >= k), N ~ Binomial(n, p), is the regularised incomplete beta function I_p(k, n - k + 1), from its
// continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22). Inverses are by bisection:
// slow, exact, and nothing here is called often.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <numbers>

namespace lafs::inline LAFS_ABI {

/// A share that was counted, and the interval that holds the true one.
struct RateInterval {
    double rate = 0, low = 0, high = 1;
};

namespace detail {

/// The x in [low, high] where a rising function reaches `target`.
template <class Function>
double bisect(double low, double high, double target, const Function& rising) {
    for (;;) {
        const double middle = low + 0.5 * (high - low);
        if (middle <= low || middle >= high)
            return middle;
        (rising(middle) < target ? low : high) = middle;
    }
}

/// The continued fraction of I_x(a, b), by the modified method of Lentz; converges in O(sqrt(max(a, b)))
/// terms where x < (a + 1) / (a + b + 2).
inline double beta_fraction(double a, double b, double x) {
    constexpr double tiny = 1e-300, enough = 1e-15;
    constexpr int most = 1'000'000;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (std::abs(d) < tiny ? tiny : d);
    double value = d;
    const auto step = [&](double term) {
        d = 1.0 + term * d;
        d = 1.0 / (std::abs(d) < tiny ? tiny : d);
        c = 1.0 + term / c;
        c = std::abs(c) < tiny ? tiny : c;
        value *= c * d;
    };
    for (int m = 1; m <= most; ++m) {
        step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
        step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
        if (std::abs(c * d - 1.0) < enough)
            break;
    }
    return value;
}

}  // namespace detail

/// I_x(a, b) for a, b > 0 and x in [0, 1]: the chance that a Beta(a, b) variable is at most x.
inline double incomplete_beta(double a, double b, double x) {
    require(a > 0.0 && b > 0.0 && x >= 0.0 && x <= 1.0, "incomplete_beta", "got a ", a, ", b ", b, ", x ", x,
            ", expected a, b > 0 and x from 0 to 1");
    if (x == 0.0 || x == 1.0)
        return x;
    const double front =
        std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0))
        return std::clamp(front * detail::beta_fraction(a, b, x) / a, 0.0, 1.0);
    return std::clamp(1.0 - front * detail::beta_fraction(b, a, 1.0 - x) / b, 0.0, 1.0);
}

/// P(N >= k) for N ~ Binomial(n, p).
inline double binomial_tail(std::int64_t k, std::int64_t n, double p) {
    if (k <= 0)
        return 1.0;
    if (k > n)
        return 0.0;
    return incomplete_beta(static_cast<double>(k), static_cast<double>(n - k + 1), p);
}

/// The exact interval of Clopper and Pearson (Biometrika 26, 1934) for the share behind `count` of `total`:
/// it holds the true share with at least this confidence. Throws unless 0 <= count <= total > 0 and the
/// confidence lies between 0 and 1.
inline RateInterval clopper_pearson(std::int64_t count, std::int64_t total, double confidence) {
    require(total > 0 && count >= 0 && count <= total && confidence > 0.0 && confidence < 1.0,
            "clopper_pearson", "got ", count, " of ", total, " at confidence ", confidence,
            ", expected a part of a positive number and a confidence between 0 and 1");
    const double outside = 0.5 * (1.0 - confidence);
    RateInterval interval{static_cast<double>(count) / static_cast<double>(total), 0.0, 1.0};
    if (count > 0)
        interval.low = detail::bisect(0.0, interval.rate, outside,
                                      [&](double p) { return binomial_tail(count, total, p); });
    if (count < total)
        interval.high = detail::bisect(interval.rate, 1.0, 1.0 - outside,
                                       [&](double p) { return binomial_tail(count + 1, total, p); });
    return interval;
}

/// The z with P(Z <= z) = p for a standard normal Z; p between 0 and 1, both excluded.
inline double normal_quantile(double p) {
    require(p > 0.0 && p < 1.0, "normal_quantile", "got ", p, ", expected between 0 and 1");
    if (p > 0.5)
        return -normal_quantile(1.0 - p);
    constexpr double lowest = -39.0;  // below the smallest p that a double can hold
    return detail::bisect(lowest, 0.0, p, [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); });
}

}  // namespace lafs::inline LAFS_ABI
