// Sums over one axis.
//
//   reduce_sum(D, sizes, x, scale, out)
//
// out[o, i] = scale * sum over k of x[o, k, i], for contiguous x (outer, n, inner) and out (outer, inner); 0
// where n is 0. Sums are in float or wider, in an order that the sizes fix.
#pragma once

#include <lafs/core/shape.hpp>

namespace lafs::inline LAFS_ABI {

/// A tensor around one of its axes: x (outer, n, inner), results (outer, inner).
struct AxisSizes {
    std::int64_t outer, n, inner;

    LAFS_HOST_DEVICE std::int64_t results() const { return outer * inner; }
    /// Where element k of result `at` lies in x.
    LAFS_HOST_DEVICE std::int64_t element(std::int64_t at, std::int64_t k) const {
        return (at / inner * n + k) * inner + at % inner;
    }
};

inline AxisSizes axis_sizes(const Shape& shape, int axis) {
    return {shape.size_between(0, axis), shape[axis], shape.size_between(axis + 1, shape.rank())};
}

}  // namespace lafs::inline LAFS_ABI
