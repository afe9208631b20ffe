// The small matrix products of attention, on operands that stay in the caches.
//
// Unlike gemm() nothing is packed: the left operand is read by broadcasts at any stride, so that a panel of
// transposed probabilities serves as left operand of both P V and P' dO as it lies.
#pragma once

#include <lafs/backend/cpu/pack.hpp>
#include <lafs/backend/cpu/transpose.hpp>
#include <lafs/core/unroll.hpp>

namespace lafs::inline LAFS_ABI::cpu {

/// Register tile: `rows` broadcasts of the left operand times `packs` packs of the right.
template <class C>
struct AttentionTile {
    static constexpr int rows = vector_bytes == 64 ? 8 : 4;
    static constexpr int packs = 2;
    static constexpr int columns = packs * Pack<C>::width;
};

/// `size` rounded up to a multiple of `step`.
constexpr std::int64_t round_up(std::int64_t size, std::int64_t step) {
    return (size + step - 1) / step * step;
}

/// A left operand: element (i, k) at data[i * row_stride + k * depth_stride].
template <class C>
struct LeftOperand {
    const C* data;
    std::int64_t row_stride, depth_stride;
};

/// c[i][j] (+)= sum over k of a(i, k) b[k][j], for one tile.
template <int packs, class C>
LAFS_FLATTEN void multiply_tile(std::int64_t depth, const LeftOperand<C>& a, const C* b,
                                std::int64_t b_stride, bool accumulate, C* c, std::int64_t c_stride) {
    using Lanes = typename Pack<C>::Lanes;
    constexpr int rows = AttentionTile<C>::rows, width = Pack<C>::width;
    Lanes sum[rows][packs] = {};
    if (accumulate)
        unroll<rows>([&](auto i) {
            unroll<packs>(
                [&](auto j) { std::memcpy(&sum[i][j], c + i * c_stride + j * width, sizeof(Lanes)); });
        });
    for (std::int64_t k = 0; k < depth; ++k) {
        Lanes right[packs];
        unroll<packs>([&](auto j) { std::memcpy(&right[j], b + k * b_stride + j * width, sizeof(Lanes)); });
        const C* left = a.data + k * a.depth_stride;
        unroll<rows>([&](auto i) {
            const C value = left[i * a.row_stride];
            unroll<packs>([&](auto j) { sum[i][j] += value * right[j]; });
        });
    }
    unroll<rows>([&](auto i) {
        unroll<packs>([&](auto j) { std::memcpy(c + i * c_stride + j * width, &sum[i][j], sizeof(Lanes)); });
    });
}

/// c (+)= a b. `rows` is rounded up to whole tiles and `columns` to whole packs: the memory of all operands
/// must reach that far, what lies there is of no consequence to the rest.
template <class C>
void multiply_tiles(std::int64_t rows, std::int64_t columns, std::int64_t depth, const LeftOperand<C>& a,
                    const C* b, std::int64_t b_stride, bool accumulate, C* c, std::int64_t c_stride) {
    using Tile = AttentionTile<C>;
    for (std::int64_t j = 0; j < columns; j += Tile::columns)
        for (std::int64_t i = 0; i < rows; i += Tile::rows) {
            const LeftOperand<C> left{a.data + i * a.row_stride, a.row_stride, a.depth_stride};
            if (columns - j > Pack<C>::width)
                multiply_tile<Tile::packs>(depth, left, b + j, b_stride, accumulate, c + i * c_stride + j,
                                           c_stride);
            else
                multiply_tile<1>(depth, left, b + j, b_stride, accumulate, c + i * c_stride + j, c_stride);
        }
}

/// Copies rows of `width` elements, times `scale`, into rows of `leading` >= width elements; pads with zeros
/// up to `padded_rows` rows.
template <class T, class C>
void copy_rows(const T* from, std::int64_t from_stride, std::int64_t rows, std::int64_t padded_rows,
               std::int64_t width, C scale, C* to, std::int64_t leading) {
    constexpr std::int64_t lanes = Pack<C>::width;
    const Pack<C> factor(scale);
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = 0; k < leading; k += lanes) {
            const T* at = from + i * from_stride + k;
            const Pack<C> pack =
                k + lanes <= width ? load(at) : keep(load(at, 1, width - k), width - k, C(0));
            store(to + i * leading + k, factor * pack);
        }
    std::fill(to + rows * leading, to + padded_rows * leading, C(0));
}

/// target rows (+)= scale(row) * from, for rows of `width` elements.
template <class T, class C, class Scale>
void put_rows(const C* from, std::int64_t leading, std::int64_t rows, std::int64_t width, const Scale& scale,
              T* to, std::int64_t to_stride, bool accumulate) {
    constexpr std::int64_t lanes = Pack<C>::width;
    for (std::int64_t i = 0; i < rows; ++i) {
        const Pack<C> factor(scale(i));
        for (std::int64_t k = 0; k < width; k += lanes) {
            T* at = to + i * to_stride + k;
            const bool whole = k + lanes <= width;
            Pack<C> value = factor * load(from + i * leading + k);
            if (accumulate)
                value = value + (whole ? load(at) : load(at, 1, width - k));
            whole ? store(at, value) : store(at, value, 1, width - k);
        }
    }
}

/// to[k][j] = from[j][k] for `count` rows of `width` elements; rows of `to` are those of a tile.
template <class C>
void transpose_panel(const C* from, std::int64_t leading, std::int64_t count, std::int64_t width, C* to) {
    transpose(from, leading, count, width, to, AttentionTile<C>::columns);
}

}  // namespace lafs::inline LAFS_ABI::cpu
