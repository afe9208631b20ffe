// Transposes small blocks in registers: what packing of matrix operands is made of.
#pragma once

#include <cstdint>
#include <cstring>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI::cpu {

/// to[k][i] = from[i][k] for four rows of four.
template <class T>
void transpose_4x4(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    Four row[4];
    for (int i = 0; i < 4; ++i)
        std::memcpy(&row[i], from + i * from_stride, sizeof(Four));
    const Four low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5),
               high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7),
               low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5),
               high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    const Four column[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                            __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                            __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                            __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
    for (int k = 0; k < 4; ++k)
        std::memcpy(to + k * to_stride, &column[k], sizeof(Four));
}

/// to[k][i] = from[i][k] for `rows` rows of `columns`. Asks the memory for the rows that follow, which a
/// packing loop wants next: rows are too short for the processor to see them coming.
template <class T>
void transpose(const T* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, T* to,
               std::int64_t to_stride) {
    const std::int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    for (std::int64_t i = 0; i < whole_rows; i += 4)
        for (std::int64_t k = 0; k < whole_columns; k += 4) {
            for (int ahead = 0; k % 16 == 0 && ahead < 4; ++ahead)
                __builtin_prefetch(from + (i + ahead + rows) * from_stride + k);
            transpose_4x4(from + i * from_stride + k, from_stride, to + k * to_stride + i, to_stride);
        }
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = i < whole_rows ? whole_columns : 0; k < columns; ++k)
            to[k * to_stride + i] = from[i * from_stride + k];
}

}  // namespace lafs::inline LAFS_ABI::cpu
