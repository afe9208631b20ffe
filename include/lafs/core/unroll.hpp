// Loops over a number of steps known at compile time, written out.
#pragma once

#include <lafs/core/abi.hpp>
#include <utility>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// A number known at compile time; std::integral_constant is not for device code.
template <int number>
struct Index {
    static constexpr int value = number;
    LAFS_HOST_DEVICE constexpr operator int() const { return number; }
};

/// body(0), body(1) ... body(n - 1), with the index as a compile-time constant:
/// small arrays stay in registers.
template <int n, class Body>
LAFS_HOST_DEVICE constexpr void unroll(Body&& body) {
    [&]<int... i>(std::integer_sequence<int, i...>) {
        (body(Index<i>{}), ...);
    }
    (std::make_integer_sequence<int, n>{});
}

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
