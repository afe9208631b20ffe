// Loops over a number of steps known at compile time, written out.
#pragma once

#include <lafs/core/abi.hpp>
#include <type_traits>
#include <utility>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// body(0), body(1) ... body(n - 1), with the index as a compile-time constant. Keeps small arrays in
/// registers.
template <int n, class Body>
LAFS_HOST_DEVICE constexpr void unroll(Body&& body) {
    [&]<int... i>(std::integer_sequence<int, i...>) {
        (body(std::integral_constant<int, i>{}), ...);
    }
    (std::make_integer_sequence<int, n>{});
}

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
