// Sizes of a two-dimensional convolution, for all devices, and contract.
//
// y[n, o, v, u] = bias[o] + sum over c, a, b of w[o, c, a, b] x[n, c, v s - p + a, u s - p + b], zero outside
// (a cross-correlation, as torch.nn.functional.conv2d). Depthwise: channel o of y sees channel o of x only.
//
// A backend overloads, for its device, with g the gradient of y:
//   conv_forward(D, geometry, x, w, bias, y)                       y =; bias null: none
//   conv_input_gradient(D, geometry, w, g, dx)                     dx = or +=
//   conv_weight_gradient(D, geometry, x, g, dw)                    dw = or +=
//   depthwise_forward(D, geometry, x, w, bias, y)                  y =; bias null: none
//   depthwise_backward(D, geometry, x, w, g, dx, dw)               = or +=, those that are wanted
#pragma once

#include <lafs/core/shape.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// How the kernel moves: steps and zeros around the image are the same along both axes. `groups` is 1, or
/// the number of channels (depthwise).
struct ConvOptions {
    std::int64_t stride = 1, padding = 0, groups = 1;
};

/// Sizes of x (batch, in, height, width), w (out, in or 1, kernel_height, kernel_width) and
/// y (batch, out, out_height, out_width).
struct ConvGeometry {
    std::int64_t batch, in, height, width;
    std::int64_t out, kernel_height, kernel_width;
    std::int64_t out_height, out_width;
    std::int64_t stride, padding;
    bool depthwise;

    LAFS_HOST_DEVICE std::int64_t in_plane() const { return height * width; }
    LAFS_HOST_DEVICE std::int64_t out_plane() const { return out_height * out_width; }
    LAFS_HOST_DEVICE std::int64_t taps() const { return kernel_height * kernel_width; }
    /// Products summed into one output of a dense convolution.
    LAFS_HOST_DEVICE std::int64_t depth() const { return in * taps(); }
    /// Whether every output sees one pixel, its own.
    LAFS_HOST_DEVICE bool pointwise() const { return taps() == 1 && stride == 1 && padding == 0; }

    /// Pixel of x that tap t reads for row v, and for column u, of y; `has` says whether there is one.
    LAFS_HOST_DEVICE std::int64_t row(std::int64_t v, std::int64_t t) const {
        return v * stride - padding + t / kernel_width;
    }
    LAFS_HOST_DEVICE std::int64_t column(std::int64_t u, std::int64_t t) const {
        return u * stride - padding + t % kernel_width;
    }
    LAFS_HOST_DEVICE bool has(std::int64_t row, std::int64_t column) const {
        return row >= 0 && row < height && column >= 0 && column < width;
    }
    /// Runs body(tap, pixel of y) for all that read a pixel of x, in the order of taps.
    template <class Body>
    LAFS_HOST_DEVICE void each_reader(std::int64_t y, std::int64_t x, const Body& body) const {
        for (std::int64_t t = 0; t < taps(); ++t) {
            const std::int64_t v = y + padding - t / kernel_width, u = x + padding - t % kernel_width;
            if (v >= 0 && u >= 0 && v % stride == 0 && u % stride == 0 && v / stride < out_height &&
                u / stride < out_width)
                body(t, v / stride * out_width + u / stride);
        }
    }

    Shape out_shape() const { return {batch, out, out_height, out_width}; }
};

/// Works out the sizes. Throws, with both shapes, when they do not fit.
inline ConvGeometry conv_geometry(const Shape& x, const Shape& w, const ConvOptions& options) {
    const auto check = [&](bool condition, const auto&... expected) {
        require(condition, "conv2d", "input ", x, " and weight ", w, " with stride ", options.stride,
                ", padding ", options.padding, ", ", options.groups, " groups: expected ", expected...);
    };
    check(x.rank() == 4 && w.rank() == 4, "(batch, in, height, width) and (out, in / groups, height, width)");
    check(options.stride >= 1 && options.padding >= 0, "a positive stride and no negative padding");
    check(w[2] >= 1 && w[3] >= 1, "a kernel of at least one pixel");
    check(options.groups == 1 || (options.groups == x[1] && w[0] == x[1]),
          "1 group, or one for each channel of input and output");
    const bool depthwise = options.groups != 1;
    check(w[1] == (depthwise ? 1 : x[1]), "a weight of ", depthwise ? 1 : x[1], " input channels");
    const std::int64_t free_height = x[2] + 2 * options.padding - w[2],
                       free_width = x[3] + 2 * options.padding - w[3];
    check(free_height >= 0 && free_width >= 0, "a kernel no larger than the padded image");
    return {x[0],
            x[1],
            x[2],
            x[3],
            w[0],
            w[2],
            w[3],
            free_height / options.stride + 1,
            free_width / options.stride + 1,
            options.stride,
            options.padding,
            depthwise};
}

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
