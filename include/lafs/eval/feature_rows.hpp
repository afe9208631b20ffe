// Rows of features: checks, normalisation, and sums in the fixed order of the published evaluation (NumPy's).
//
// IJB lists compare some templates with themselves. Such a pair scores 1 give or take one unit in the last
// place, and which of them is above which decides TAR at small FAR, so scores have to agree with the
// published ones to the last bit, on every machine and for any number of threads.
#pragma once

#include <cmath>
#include <cstddef>
#include <lafs/core/error.hpp>
#include <lafs/core/list.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// a * b, rounded: kept from being contracted with a following addition, which would round only once.
inline double rounded_product(double a, double b) {
#ifdef FP_FAST_FMA
    return std::fma(a, b, -0.0);
#else
    const double product = a * b;
    return product;
#endif
}

inline double pairwise_dot(const double* a, const double* b, std::size_t count) {
    constexpr std::size_t lanes = 8, block = 128;
    if (count > block) {
        const std::size_t half = count / 2 - count / 2 % lanes;
        return pairwise_dot(a, b, half) + pairwise_dot(a + half, b + half, count - half);
    }
    double total = 0.0;
    std::size_t done = 0;
    if (count >= lanes) {
        double lane[lanes] = {};
        for (; done + lanes <= count; done += lanes)
            for (std::size_t k = 0; k < lanes; ++k)
                lane[k] += rounded_product(a[done + k], b[done + k]);
        total = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
    for (; done < count; ++done)
        total += rounded_product(a[done], b[done]);
    return total;
}

}  // namespace detail

/// Sum of a_i b_i: pairwise over halves, eight partial sums in blocks of at most 128 (numpy.sum of products).
/// Throws when the lengths differ.
inline double pairwise_dot(std::span<const double> a, std::span<const double> b) {
    require(a.size() == b.size(), "pairwise_dot", "got rows of ", a.size(), " and ", b.size(),
            " values, expected the same length");
    return detail::pairwise_dot(a.data(), b.data(), a.size());
}

/// Sum of a_i^2 as two interleaved partial sums (numpy.einsum, with which scikit-learn normalises rows).
inline double interleaved_square_sum(std::span<const double> a) {
    constexpr std::size_t block = 8;
    double even = 0.0, odd = 0.0;
    std::size_t done = 0;
    for (; done + block <= a.size(); done += block) {
        for (std::size_t pair = block; pair > 0; pair -= 2) {
            even += detail::rounded_product(a[done + pair - 2], a[done + pair - 2]);
            odd += detail::rounded_product(a[done + pair - 1], a[done + pair - 1]);
        }
    }
    for (; done < a.size(); done += 2) {
        even += detail::rounded_product(a[done], a[done]);
        if (done + 1 < a.size())
            odd += detail::rounded_product(a[done + 1], a[done + 1]);
    }
    return even + odd;
}

/// Checks a matrix (rows, dim) of features: its size, and every value finite. Returns the number of rows.
template <List X>
std::size_t checked_rows(const char* operation, const X& list, std::size_t dim) {
    const auto features = span_of(list);
    require(dim > 0 && !features.empty() && features.size() % dim == 0, operation, "got ", features.size(),
            " values in rows of ", dim, ", expected a positive whole number of rows");
    for (std::size_t i = 0; i < features.size(); ++i)
        require(std::isfinite(features[i]), operation, "got ", features[i], " in row ", i / dim, ", column ",
                i % dim, ", expected finite features");
    return features.size() / dim;
}

/// Divides each row of (rows, dim) by its L2 norm, in place. Throws for a row of zeros, and names it; rows
/// are counted from `first_row`.
inline void normalise_rows(const char* operation, std::span<double> features, std::size_t dim,
                           std::size_t first_row = 0) {
    for (std::size_t begin = 0; begin < features.size(); begin += dim) {
        const std::span<double> row = features.subspan(begin, dim);
        const double norm = std::sqrt(pairwise_dot(row, row));
        require(norm > 0.0 && std::isfinite(norm), operation, "row ", first_row + begin / dim,
                " has L2 norm ", norm, ", expected a vector that can be normalised");
        for (double& value : row)
            value /= norm;
    }
}

}  // namespace lafs::inline LAFS_ABI
