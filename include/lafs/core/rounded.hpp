// Products that are rounded by themselves, as on a machine without fused multiply-add: for results that must
// be the same on every machine.
#pragma once

#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

/// Gives back `product`; a compiler cannot fuse the multiplication with a sum that follows.
inline double rounded(double product) {
#if defined(__x86_64__)
    asm("" : "+x"(product));
#elif defined(__aarch64__)
    asm("" : "+w"(product));
#endif
    return product;
}

}  // namespace lafs::inline LAFS_ABI
