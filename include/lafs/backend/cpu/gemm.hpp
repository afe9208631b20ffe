// Matrix products on the CPU (contract: primitives/gemm.hpp).
//
// Both operands are packed into panels that the register tile reads straight through; tasks share the packed
// B and own tiles of C. An element of C is summed over blocks of `block_depth` in order, whatever the tiles,
// so the result does not depend on the number of threads.
#pragma once

#include <lafs/backend/cpu/pack.hpp>
#include <lafs/backend/cpu/transpose.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/core/unroll.hpp>
#include <lafs/primitives/gemm.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Register tile: `tile_rows` broadcasts of A times two packs of B.
template <class T>
struct GemmTile {
    static constexpr int rows = vector_bytes == 64 ? 12 : 6;
    static constexpr int packs = 2;
    static constexpr int columns = packs * Pack<T>::width;
};
inline constexpr std::int64_t block_depth = 256, block_rows = 96, block_columns = 512;

/// Packs `count` (<= width) vectors of length `depth` side by side, padded with zeros:
/// to[k * width + i] = from[i * vector_stride + k * depth_stride].
template <int width, class T, class From>
void pack_panel(T* to, const From* from, std::int64_t count, std::int64_t depth, std::int64_t vector_stride,
                std::int64_t depth_stride) {
    if constexpr (!std::is_same_v<T, From>) {  // 16-bit storage is widened on the way
        for (std::int64_t k = 0; k < depth; ++k)
            for (std::int64_t i = 0; i < width; ++i)
                to[k * width + i] =
                    i < count ? static_cast<T>(from[i * vector_stride + k * depth_stride]) : T(0);
        return;
    } else {
        if (count == width && vector_stride == 1) {
            for (std::int64_t k = 0; k < depth; ++k) {
                const T* ahead =
                    from + (k + 12) * depth_stride;  // too far apart for the processor to foresee
                __builtin_prefetch(ahead);
                __builtin_prefetch(ahead + width);
                std::memcpy(to + k * width, from + k * depth_stride, width * sizeof(T));
            }
            return;
        }
        if (depth_stride == 1) {
            transpose(from, vector_stride, count, depth, to, width);
        } else {
            for (std::int64_t i = 0; i < count; ++i)
                for (std::int64_t k = 0; k < depth; ++k)
                    to[k * width + i] = from[i * vector_stride + k * depth_stride];
        }
        for (std::int64_t k = 0; k < depth; ++k)
            std::fill(to + k * width + count, to + (k + 1) * width, T(0));
    }
}

/// tile = A panel * B panel over `depth`, then c = alpha * tile + (accumulate ? c : bias or 0).
template <class T>
LAFS_FLATTEN void multiply_panels(const T* a, const T* b, std::int64_t depth, T alpha, bool accumulate,
                                  const T* bias, T* c, std::int64_t leading, std::int64_t rows,
                                  std::int64_t columns) {
    using Tile = GemmTile<T>;
    using Lanes = typename Pack<T>::Lanes;
    constexpr int width = Pack<T>::width;
    Lanes sum[Tile::rows][Tile::packs] = {};
    for (std::int64_t k = 0; k < depth; ++k) {
        Lanes right[Tile::packs];
        unroll<Tile::packs>(
            [&](auto j) { std::memcpy(&right[j], b + k * Tile::columns + j * width, sizeof(Lanes)); });
        unroll<Tile::rows>([&](auto i) {
            const T left = a[k * Tile::rows + i];
            unroll<Tile::packs>([&](auto j) { sum[i][j] += left * right[j]; });
        });
    }
    T tile[Tile::rows][Tile::columns];
    if (rows == Tile::rows && columns == Tile::columns) {
        unroll<Tile::rows>([&](auto i) {
            unroll<Tile::packs>([&](auto j) {
                Lanes before{};
                if (accumulate)
                    std::memcpy(&before, c + i * leading + j * width, sizeof(Lanes));
                else if (bias)
                    std::memcpy(&before, bias + j * width, sizeof(Lanes));
                before += alpha * sum[i][j];
                std::memcpy(c + i * leading + j * width, &before, sizeof(Lanes));
            });
        });
        return;
    }
    std::memcpy(tile, sum, sizeof tile);
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j) {
            T& to = c[i * leading + j];
            to = alpha * tile[i][j] + (accumulate ? to : bias ? bias[j] : T(0));
        }
}

/// One tile of C, rows [row_begin, row_end) x columns [column_begin, column_end), over all depth.
/// `packed_b` holds, for each block of depth, the panels of B one after the other.
template <class T, class Storage>
void multiply_block(const Matrix<Storage>& a, const T* packed_b, std::int64_t n, std::int64_t row_begin,
                    std::int64_t row_end, std::int64_t column_begin, std::int64_t column_end, T alpha,
                    bool accumulate, const T* bias, T* c, std::int64_t leading) {
    using Tile = GemmTile<T>;
    const std::int64_t panels = (n + Tile::columns - 1) / Tile::columns;
    alignas(64) T packed_a[block_rows * block_depth];
    for (std::int64_t k = 0; k < a.columns; k += block_depth) {
        const std::int64_t depth = std::min(block_depth, a.columns - k);
        for (std::int64_t i = row_begin; i < row_end; i += Tile::rows)
            pack_panel<Tile::rows>(
                packed_a + (i - row_begin) * depth, a.data + i * a.row_stride + k * a.column_stride,
                std::min<std::int64_t>(Tile::rows, row_end - i), depth, a.row_stride, a.column_stride);
        for (std::int64_t j = column_begin; j < column_end; j += Tile::columns) {
            const T* panel = packed_b + (k * panels + j / Tile::columns * depth) * Tile::columns;
            for (std::int64_t i = row_begin; i < row_end; i += Tile::rows)
                multiply_panels(packed_a + (i - row_begin) * depth, panel, depth, alpha, accumulate || k > 0,
                                bias ? bias + j : nullptr, c + i * leading + j, leading,
                                std::min<std::int64_t>(Tile::rows, row_end - i),
                                std::min<std::int64_t>(Tile::columns, column_end - j));
        }
    }
}

/// The product with a C of the type it is computed in; operands of 16 bits are widened as they are packed.
template <class T, class Storage>
void multiply(T alpha, const Matrix<Storage>& a, const Matrix<Storage>& b, bool accumulate, T* c,
              std::int64_t leading, const T* bias) {
    using Tile = GemmTile<T>;
    const std::int64_t m = a.rows, n = b.columns, depth = a.columns;
    const std::int64_t panels = (n + Tile::columns - 1) / Tile::columns;
    const auto packed_b = Tensor<T>::empty({panels * Tile::columns, depth});
    const std::int64_t depth_blocks = (depth + block_depth - 1) / block_depth;
    parallel_for(depth_blocks * ((panels + 7) / 8), [&](std::int64_t task) {
        const std::int64_t k = task % depth_blocks * block_depth, first = task / depth_blocks * 8;
        const std::int64_t block = std::min(block_depth, depth - k);
        for (std::int64_t p = first; p < std::min(first + 8, panels); ++p) {
            const std::int64_t j = p * Tile::columns;
            pack_panel<Tile::columns>(packed_b.data() + (k * panels + p * block) * Tile::columns,
                                      b.data + k * b.row_stride + j * b.column_stride,
                                      std::min<std::int64_t>(Tile::columns, n - j), block, b.column_stride,
                                      b.row_stride);
        }
    });
    const std::int64_t row_tasks = (m + block_rows - 1) / block_rows;
    // Few rows: narrower tiles, so that there is work for every thread.
    const std::int64_t tile_columns = row_tasks >= 16 ? block_columns : 4 * Tile::columns;
    const std::int64_t column_tasks = (n + tile_columns - 1) / tile_columns;
    parallel_for(row_tasks * column_tasks, [&](std::int64_t task) {
        const std::int64_t i = task / column_tasks * block_rows, j = task % column_tasks * tile_columns;
        multiply_block(a, packed_b.data(), n, i, std::min(i + block_rows, m), j,
                       std::min(j + tile_columns, n), alpha, accumulate, bias, c, leading);
    });
}

}  // namespace cpu

template <class T>
void gemm(Cpu, compute_t<T> alpha, const Matrix<T>& a, const Matrix<T>& b, bool accumulate, T* c,
          std::int64_t leading, const T* bias = nullptr) {
    using C = compute_t<T>;
    require(a.columns == b.rows, "matmul", '(', a.rows, ", ", a.columns, ") x (", b.rows, ", ", b.columns,
            "): inner sizes differ");
    const std::int64_t m = a.rows, n = b.columns;
    if (m == 0 || n == 0)
        return;
    count_launch();
    if (a.columns == 0) {
        if (!accumulate)
            for (std::int64_t i = 0; i < m; ++i)
                for (std::int64_t j = 0; j < n; ++j)
                    c[i * leading + j] = bias ? bias[j] : static_cast<T>(C(0));
        return;
    }
    if constexpr (std::is_same_v<T, C>) {
        cpu::multiply(alpha, a, b, accumulate, c, leading, bias);
    } else {  // the sum over all blocks of depth is rounded once
        const auto wide = Tensor<C>::empty({m, n});
        cpu::multiply(alpha, a, b, false, wide.data(), n, static_cast<const C*>(nullptr));
        parallel_ranges(m, 8, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                for (std::int64_t j = 0; j < n; ++j) {
                    T& to = c[i * leading + j];
                    const C before = accumulate ? static_cast<C>(to) : bias ? static_cast<C>(bias[j]) : C(0);
                    to = static_cast<T>(wide.data()[i * n + j] + before);
                }
        });
    }
}

template <class T>
void gemm_batch(Cpu device, compute_t<T> alpha, const Matrix<T>& a, const Matrix<T>& b, bool accumulate, T* c,
                std::int64_t leading, const GemmBatch& batch) {
    for (std::int64_t i = 0; i < batch.count; ++i)
        gemm(device, alpha, a.shifted(i * batch.a), b.shifted(i * batch.b), accumulate, c + i * batch.c,
             leading);
}

}  // namespace lafs::inline LAFS_ABI
