// Matrix products.
//
//   gemm(D, alpha, a, b, accumulate, c, leading, bias = nullptr)
//     C = alpha A B, + C where it accumulates, else + bias (one number a column) where there is one. A and B
//     are read with any strides on the CPU; on a GPU their rows or their columns lie side by side. C is
//     row-major with `leading` elements between rows and does not overlap the operands. Throws when the inner
//     sizes differ.
//   gemm_batch(D, alpha, a, b, accumulate, c, leading, batch)
//     The same for `batch.count` products, whose operands and results lie `batch.a`, `batch.b`, `batch.c`
//     elements apart.
//
// Elements may be bfloat16 or half (`alpha` is of the compute type): products and sums are float, the result
// is rounded once. Sums are in an order that the sizes fix.
#pragma once

#include <cstdint>
#include <lafs/core/dtype.hpp>

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
    /// Rows that follow each other.
    static Matrix contiguous(const T* data, std::int64_t rows, std::int64_t columns) {
        return row_major(data, rows, columns, columns);
    }
    Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }
    /// The same matrix `elements` further on in memory.
    Matrix shifted(std::int64_t elements) const {
        return {data + elements, rows, columns, row_stride, column_stride};
    }
};

/// How many products there are, and how far apart their operands and results lie.
struct GemmBatch {
    std::int64_t count, a, b, c;
};

}  // namespace lafs::inline LAFS_ABI
