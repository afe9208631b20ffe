// Elements of another type.
//
//   convert(D, size, x, to)      to (+)= x, `size` elements, each converted
//
// Sums are formed in the wider of the two compute types. Conversions to bfloat16 and half round to nearest
// even.
#pragma once

#include <cstdint>
#include <lafs/core/dtype.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// What elements are converted by way of: the compute type of floating elements, the type itself of integers.
template <class T>
using passing_t = std::conditional_t<std::is_integral_v<T>, T, compute_t<T>>;
}  // namespace detail

/// One element of the primitive.
template <class To, class From>
LAFS_HOST_DEVICE void convert_element(const From& x, To& to, bool add) {
    using Wide = std::common_type_t<detail::passing_t<From>, detail::passing_t<To>>;
    const auto value = static_cast<Wide>(static_cast<detail::passing_t<From>>(x));
    const auto sum = add ? value + static_cast<Wide>(static_cast<detail::passing_t<To>>(to)) : value;
    to = static_cast<To>(static_cast<detail::passing_t<To>>(sum));
}

}  // namespace lafs::inline LAFS_ABI
