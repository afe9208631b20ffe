// Rows picked by index.
//
//   gather_forward(D, sizes, x, indices, y)      y[b, m] = x[b, indices[b, m]]
//   gather_backward(D, sizes, indices, g, dx)    dx[b, indices[b, m]] (+)= g[b, m], in the order of m; rows
//                                                that nobody picked become 0 unless dx accumulates
//
// x (batch, rows, inner), indices (batch, picks), y (batch, picks, inner), all contiguous. Sums are in float
// or wider. An index outside 0 .. rows - 1 is an error on the CPU, found before anything is written.
// Elsewhere, where looking would mean to wait for the device, its row of y is NaN and its gradient is
// dropped.
#pragma once

#include <cstdint>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

struct GatherSizes {
    std::int64_t batch, rows, picks, inner;

    LAFS_HOST_DEVICE bool has(std::int64_t index) const { return index >= 0 && index < rows; }
};

}  // namespace lafs::inline LAFS_ABI
