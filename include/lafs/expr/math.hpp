// Scalar functions that operations are written with, for float and double on host and device.
//
// A pack type of a backend overloads the same names, so an operation's `f` and `df` serve every value type.
#pragma once

#include <cmath>
#include <concepts>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

// clang-format off
LAFS_HOST_DEVICE inline float exp(float x) { return ::expf(x); }
LAFS_HOST_DEVICE inline double exp(double x) { return ::exp(x); }
LAFS_HOST_DEVICE inline float log(float x) { return ::logf(x); }
LAFS_HOST_DEVICE inline double log(double x) { return ::log(x); }
LAFS_HOST_DEVICE inline float sqrt(float x) { return ::sqrtf(x); }
LAFS_HOST_DEVICE inline double sqrt(double x) { return ::sqrt(x); }
LAFS_HOST_DEVICE inline float tanh(float x) { return ::tanhf(x); }
LAFS_HOST_DEVICE inline double tanh(double x) { return ::tanh(x); }
LAFS_HOST_DEVICE inline float erf(float x) { return ::erff(x); }
LAFS_HOST_DEVICE inline double erf(double x) { return ::erf(x); }
LAFS_HOST_DEVICE inline float acos(float x) { return ::acosf(x); }
LAFS_HOST_DEVICE inline double acos(double x) { return ::acos(x); }
LAFS_HOST_DEVICE inline float abs(float x) { return ::fabsf(x); }
LAFS_HOST_DEVICE inline double abs(double x) { return ::fabs(x); }
// clang-format on

/// The smaller / larger of two; the second operand where the first is NaN, as one machine instruction.
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T minimum(T a, T b) {
    return a < b ? a : b;
}
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE constexpr T maximum(T a, T b) {
    return a > b ? a : b;
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
