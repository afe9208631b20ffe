// Convolution on the CPU (sizes and formula: primitives/convolution.hpp), one group of channels after the other.
//
// A column of the matrix P of a group, (in * taps) x (batch * out_plane), is what the kernel covers for one pixel of the
// output. P is never stored: panels of it are gathered where the matrix kernel needs them, across images, so
// that small images fill the panels too.
//   forward:         y  = W P                gradient of w:  dW = g P'
//   gradient of x:   dx = W' g for kernels of one pixel; else W' g scattered back, image by image.
// Gradients of w are summed over fixed chunks of columns, then in order: the number of threads does not
// matter.
#pragma once

#include <lafs/backend/cpu/copy.hpp>
#include <lafs/backend/cpu/gemm.hpp>
#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/convolution.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Columns of one chunk's step of the weight gradient; also the largest number gathered at once.
inline constexpr std::int64_t conv_block = 256;

/// A stretch of consecutive columns of P inside one row of one image's output.
struct ColumnRun {
    std::int64_t image, row, column, at, count;
};

/// The matrix P of a group of channels, of which the first of the first image is at x.
template <class T>
class ConvColumns {
public:
    ConvColumns(const ConvGeometry& geometry, const T* x) : g_(geometry), x_(x) {
        if (g_.pointwise()) {  // one long row an image
            g_.width = g_.out_width = g_.in_plane();
            g_.height = g_.out_height = 1;
        }
    }

    std::int64_t columns() const { return g_.batch * g_.out_plane(); }

    /// to[(k - first) * pitch + i] = P[k, begin + i] for the rows first <= k < last; count <= conv_block.
    void gather(std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t count, T* to,
                std::int64_t pitch) const {
        ColumnRun runs[conv_block];
        const int number = split(begin, count, runs);
        for (std::int64_t k = first; k < last; ++k) {
            const std::int64_t channel = k / g_.taps(), a = k % g_.taps() / g_.kernel_width,
                               b = k % g_.kernel_width;
            for (int i = 0; i < number; ++i)
                copy(runs[i], channel, a, b, to + (k - first) * pitch + runs[i].at);
        }
    }

private:
    int split(std::int64_t begin, std::int64_t count, ColumnRun* runs) const {
        std::int64_t line = begin / g_.out_width, column = begin % g_.out_width;
        int number = 0;
        for (std::int64_t at = 0; at < count; ++line, column = 0) {
            const std::int64_t length = std::min(count - at, g_.out_width - column);
            runs[number++] = {line / g_.out_height, line % g_.out_height, column, at, length};
            at += length;
        }
        return number;
    }

    void copy(const ColumnRun& run, std::int64_t channel, std::int64_t a, std::int64_t b, T* to) const {
        const std::int64_t y = run.row * g_.stride - g_.padding + a * g_.dilation,
                           x = run.column * g_.stride - g_.padding + b * g_.dilation;
        if (y < 0 || y >= g_.height) {
            std::fill_n(to, run.count, T(0));
            return;
        }
        const T* from = x_ + ((run.image * g_.in + channel) * g_.height + y) * g_.width;
        if (g_.stride == 1 && x >= 0 && x + run.count <= g_.width) {
            copy_short(from + x, run.count, to);
            return;
        }
        for (std::int64_t i = 0; i < run.count; ++i) {
            const std::int64_t at = x + i * g_.stride;
            to[i] = at >= 0 && at < g_.width ? from[at] : T(0);
        }
    }

    ConvGeometry g_;
    const T* x_;
};

/// The left operand in panels of tile rows, (rows x depth).
template <class T>
Tensor<T> pack_left(const Matrix<T>& a) {
    constexpr int tile = GemmTile<T>::rows;
    const std::int64_t panels = (a.rows + tile - 1) / tile;
    auto packed = Tensor<T>::empty({panels, a.columns * tile});
    parallel_ranges(panels, 8, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = begin; p < end; ++p)
            pack_panel<tile>(packed.data() + p * a.columns * tile, a.data + p * tile * a.row_stride,
                             std::min<std::int64_t>(tile, a.rows - p * tile), a.columns, a.row_stride,
                             a.column_stride);
    });
    return packed;
}

/// One panel of A P: rows 0 .. rows - 1 of the columns [begin, begin + count), to (+)= the result, where
/// element (i, column) lies at to[(image * channels + i) * plane + pixel].
template <class T>
void multiply_panel(const T* left, const T* panel, std::int64_t rows, std::int64_t depth, std::int64_t begin,
                    std::int64_t count, std::int64_t channels, std::int64_t plane,
                    const GradientTarget<T>& to) {
    using Tile = GemmTile<T>;
    const std::int64_t image = begin / plane, pixel = begin % plane;
    for (std::int64_t i = 0; i < rows; i += Tile::rows) {
        const T* a = left + i * depth;
        const std::int64_t height = std::min<std::int64_t>(Tile::rows, rows - i);
        if (pixel + count <= plane) {
            multiply_panels(a, panel, depth, T(1), to.accumulate, static_cast<const T*>(nullptr),
                            to.data + (image * channels + i) * plane + pixel, plane, height, count);
            continue;
        }
        T tile[Tile::rows * Tile::columns];
        multiply_panels(a, panel, depth, T(1), false, static_cast<const T*>(nullptr), tile, Tile::columns,
                        Tile::rows, Tile::columns);
        for (std::int64_t at = 0, n = image, from = pixel; at < count; ++n, from = 0) {
            const std::int64_t length = std::min(count - at, plane - from);
            for (std::int64_t row = 0; row < height; ++row) {
                T* out = to.data + (n * channels + i + row) * plane + from;
                const T* in = tile + row * Tile::columns + at;
                if (to.accumulate)
                    for (std::int64_t k = 0; k < length; ++k)
                        out[k] += in[k];
                else
                    copy_short(in, length, out);
            }
            at += length;
        }
    }
}

/// to (+)= A P for A of (rows x depth), to the first `rows` of (batch, channels, plane).
template <class T>
void multiply_columns(const Matrix<T>& a, const ConvColumns<T>& p, std::int64_t channels, std::int64_t plane,
                      const GradientTarget<T>& to) {
    using Tile = GemmTile<T>;
    const std::int64_t columns = p.columns(), depth = a.columns;
    const auto left = pack_left(a);
    count_launch();
    parallel_ranges(columns, 8 * Tile::columns, [&](std::int64_t begin, std::int64_t end) {
        const auto panel = Tensor<T>::empty({depth, Tile::columns});
        for (std::int64_t j = begin; j < end; j += Tile::columns) {
            const std::int64_t count = std::min<std::int64_t>(Tile::columns, end - j);
            if (count < Tile::columns)
                panel.zero();
            p.gather(0, depth, j, count, panel.data(), Tile::columns);
            multiply_panel(left.data(), panel.data(), a.rows, depth, j, count, channels, plane, to);
        }
    });
}

/// Rows [first, last) of P, columns [begin, begin + count), transposed into panels of `width` rows.
template <int width, class T>
void gather_transposed(const ConvColumns<T>& p, std::int64_t first, std::int64_t last, std::int64_t begin,
                       std::int64_t count, T* scratch, T* panels) {
    for (std::int64_t k = first; k < last; k += width) {
        const std::int64_t rows = std::min<std::int64_t>(width, last - k);
        p.gather(k, k + rows, begin, count, scratch, conv_block);
        pack_panel<width>(panels + (k - first) * count, scratch, rows, count, conv_block, 1);
    }
}

/// The weights of a group as a matrix (out of the group x depth).
template <class T>
Matrix<T> group_weights(const ConvGeometry& g, const T* w, std::int64_t group) {
    return Matrix<T>::row_major(w + group * g.group_out() * g.depth(), g.group_out(), g.depth(), g.depth());
}

}  // namespace cpu

/// y = conv(x, w) + bias (null: none).
template <class T>
void conv_forward(Cpu, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
    if (bias)
        parallel_ranges(g.batch * g.out, 16, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                std::fill_n(y + row * g.out_plane(), g.out_plane(), bias[row % g.out]);
        });
    for (std::int64_t group = 0; group < g.groups; ++group)
        cpu::multiply_columns(cpu::group_weights(g, w, group),
                              cpu::ConvColumns<T>(g, x + group * g.group_in() * g.in_plane()), g.out,
                              g.out_plane(),
                              GradientTarget<T>{y + group * g.group_out() * g.out_plane(), bias != nullptr});
}

namespace cpu {
/// dx (+)= the columns W' g of one image and group, each added where it was read.
template <class T>
void scatter_columns(const ConvGeometry& g, const T* columns, T* dx) {
    for (std::int64_t k = 0; k < g.depth(); ++k) {
        const std::int64_t a = k % g.taps() / g.kernel_width, b = k % g.kernel_width;
        T* plane = dx + k / g.taps() * g.in_plane();
        for (std::int64_t v = 0; v < g.out_height; ++v) {
            const std::int64_t y = v * g.stride - g.padding + a * g.dilation;
            if (y < 0 || y >= g.height)
                continue;
            const T* from = columns + k * g.out_plane() + v * g.out_width;
            for (std::int64_t u = 0; u < g.out_width; ++u) {
                const std::int64_t at = u * g.stride - g.padding + b * g.dilation;
                if (at >= 0 && at < g.width)
                    plane[y * g.width + at] += from[u];
            }
        }
    }
}

/// dx (+)= the gradient of the channels of one group; grad and dx begin at its first.
template <class T>
void group_input_gradient(const ConvGeometry& g, const Matrix<T>& left, const T* grad,
                          const GradientTarget<T>& dx) {
    if (g.pointwise()) {
        ConvGeometry back = g;
        back.in = g.out;
        multiply_columns(left, ConvColumns<T>(back, grad), g.in, g.in_plane(), dx);
        return;
    }
    count_launch();
    parallel_for(g.batch, [&](std::int64_t image) {
        const auto columns = Tensor<T>::empty({g.depth(), g.out_plane()});
        gemm(Cpu{}, T(1), left,
             Matrix<T>::row_major(grad + image * g.out * g.out_plane(), g.group_out(), g.out_plane(),
                                  g.out_plane()),
             false, columns.data(), g.out_plane());
        T* to = dx.data + image * g.in * g.in_plane();
        if (!dx.accumulate)
            std::fill_n(to, g.group_in() * g.in_plane(), T(0));
        scatter_columns(g, columns.data(), to);
    });
}
}  // namespace cpu

/// dx (+)= the gradient of x.
template <class T>
void conv_input_gradient(Cpu, const ConvGeometry& g, const T* w, const T* grad, const GradientTarget<T>& dx) {
    for (std::int64_t group = 0; group < g.groups; ++group)
        cpu::group_input_gradient(g, cpu::group_weights(g, w, group).transposed(),
                                  grad + group * g.group_out() * g.out_plane(),
                                  row_of(dx, group * g.group_in() * g.in_plane()));
}

namespace cpu {

/// dw (+)= the gradient of the weights of one group; x, grad and dw begin at its first channel.
template <class T>
void group_weight_gradient(const ConvGeometry& g, const T* x, const T* grad, const GradientTarget<T>& dw) {
    using Tile = GemmTile<T>;
    ConvGeometry pixels = g;  // the gradient as a matrix (out, batch * out_plane)
    pixels.in = g.out, pixels.height = g.out_height, pixels.width = g.out_width;
    pixels.kernel_height = pixels.kernel_width = pixels.stride = pixels.dilation = 1, pixels.padding = 0;
    const ConvColumns<T> right(g, x), left(pixels, grad);

    const std::int64_t rows = g.group_out(), depth = g.depth(), columns = right.columns();
    const std::int64_t blocks = (columns + conv_block - 1) / conv_block;
    const std::int64_t blocks_per_chunk = std::max<std::int64_t>(1, (blocks + 15) / 16);
    const std::int64_t chunks = std::max<std::int64_t>(1, (blocks + blocks_per_chunk - 1) / blocks_per_chunk);
    const std::int64_t strip = 8 * Tile::columns, strips = (depth + strip - 1) / strip;
    const std::int64_t padded = (rows + Tile::rows - 1) / Tile::rows * Tile::rows;
    const auto sums = Tensor<T>::zeros({chunks, rows, depth});
    count_launch();
    parallel_for(chunks * strips, [&](std::int64_t task) {
        const std::int64_t chunk = task / strips, first = task % strips * strip,
                           last = std::min(first + strip, depth);
        const auto a = Tensor<T>::empty({padded, conv_block}),
                   b = Tensor<T>::empty({Tile::columns, conv_block}),
                   scratch = Tensor<T>::zeros({std::max(Tile::rows, Tile::columns), conv_block});
        T* to = sums.data() + chunk * rows * depth;
        const std::int64_t end = std::min(columns, (chunk + 1) * blocks_per_chunk * conv_block);
        for (std::int64_t at = chunk * blocks_per_chunk * conv_block; at < end; at += conv_block) {
            const std::int64_t count = std::min(conv_block, end - at);
            gather_transposed<Tile::rows>(left, 0, rows, at, count, scratch.data(), a.data());
            for (std::int64_t k = first; k < last; k += Tile::columns) {
                const std::int64_t width = std::min<std::int64_t>(Tile::columns, last - k);
                gather_transposed<Tile::columns>(right, k, k + width, at, count, scratch.data(), b.data());
                for (std::int64_t i = 0; i < rows; i += Tile::rows)
                    multiply_panels(a.data() + i * count, b.data(), count, T(1), true,
                                    static_cast<const T*>(nullptr), to + i * depth + k, depth,
                                    std::min<std::int64_t>(Tile::rows, rows - i), width);
            }
        }
    });
    sum_partials(dw, sums.data(), chunks, rows * depth);
}
}  // namespace cpu

/// dw (+)= the gradient of w.
template <class T>
void conv_weight_gradient(Cpu, const ConvGeometry& g, const T* x, const T* grad,
                          const GradientTarget<T>& dw) {
    for (std::int64_t group = 0; group < g.groups; ++group)
        cpu::group_weight_gradient(g, x + group * g.group_in() * g.in_plane(),
                                   grad + group * g.group_out() * g.out_plane(),
                                   row_of(dw, group * g.group_out() * g.depth()));
}

}  // namespace lafs::inline LAFS_ABI
