// Scalar functions that operations are written with, for float and double on host and device.
//
// A pack type of a backend overloads the same names, so an operation's `f` and `df` serve every value type.
#pragma once

#include <cmath>
#include <concepts>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

// The standard's own functions, which nvcc also takes in device code. Functions of our own with these names
// would make `sqrt(2.0)` ambiguous after `using namespace lafs`, in CUDA's headers too.
using std::abs;
using std::acos;
using std::cos;
using std::erf;
using std::exp;
using std::log;
using std::pow;
using std::sin;
using std::sqrt;
using std::tanh;

/// Whether a number is NaN.
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr bool is_nan(T a) {
    return a != a;  // NOLINT(misc-redundant-expression): NaN alone is not itself
}

/// The smaller / larger of two; NaN where one of them is, the second of equal ones.
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T minimum(T a, T b) {
    return a < b || is_nan(a) ? a : b;
}
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T maximum(T a, T b) {
    return a > b || is_nan(a) ? a : b;
}

/// Comparisons give 1 or 0 in the value type, so that a condition is an operand like any other.
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T is_less(T a, T b) {
    return a < b ? T(1) : T(0);
}
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T is_less_equal(T a, T b) {
    return a <= b ? T(1) : T(0);
}
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T is_equal(T a, T b) {
    return a == b ? T(1) : T(0);
}

/// `a` where the condition is not 0, else `b`.
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T select(T condition, T a, T b) {
    return condition != T(0) ? a : b;
}

}  // namespace lafs::inline LAFS_ABI
