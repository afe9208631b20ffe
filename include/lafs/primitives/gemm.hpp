// Operands of matrix products, for every backend.
#pragma once

#include <cstdint>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

/// A matrix operand: element (i, j) at data[i * row_stride + j * column_stride].
template <class T>
struct Matrix {
    const T* data;
    std::int64_t rows, columns, row_stride, column_stride;

    /// A row-major matrix with `leading` elements between rows.
    static Matrix row_major(const T* data, std::int64_t rows, std::int64_t columns, std::int64_t leading) {
        return {data, rows, columns, leading, 1};
    }
    Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }
};

}  // namespace lafs::inline LAFS_ABI
