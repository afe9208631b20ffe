// The largest or smallest element over one axis, and where it is.
//
//   reduce_extremum(D, Largest{} or Smallest{}, sizes, x, out, where)
//     out[o, i] = max (min) over k of x[o, k, i];  where[o, i] = the smallest k that reaches it. A NaN wins over
//     every number.
//     x (outer, n, inner), out and where (outer, inner), all contiguous. n is at least 1.
//   scatter_extremum(D, sizes, where, g, dx)
//     dx[o, where[o, i], i] (+)= g[o, i]; without `accumulate` all other elements of dx become 0.
#pragma once

#include <lafs/core/dtype.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <lafs/primitives/reduce.hpp>

namespace lafs::inline LAFS_ABI {

/// Which element an axis is reduced to: whether `a` is better than `b`, or one of them is NaN.
struct Largest {
    template <class C>
    LAFS_HOST_DEVICE static bool better(C a, C b) {
        return !(a <= b);
    }
};
struct Smallest {
    template <class C>
    LAFS_HOST_DEVICE static bool better(C a, C b) {
        return !(a >= b);
    }
};

/// The best element of those looked at so far, and its place.
template <class C>
struct Extremum {
    C value;
    std::int64_t where;

    /// Takes the better of both; of equal ones, NaN among them, that which comes first. Elements may come in any
    /// order.
    template <class Order>
    LAFS_HOST_DEVICE void take(Order, const Extremum& other) {
        const bool first = other.where < where;
        if (Order::better(other.value, value)
                ? value == value ||
                      (first && other.value != other.value)  // a NaN gives way to none but a NaN
                : first && other.value == value)
            *this = other;
    }
};

}  // namespace lafs::inline LAFS_ABI
