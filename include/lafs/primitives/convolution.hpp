// Sizes of a two-dimensional convolution, for all devices, and contract.
//
// y[n, o, v, u] = bias[o] + sum over c, a, b of w[o, c, a, b] x[n, c, v s - p + a d, u s - p + b d], zero outside
// (a cross-correlation, as torch.nn.functional.conv2d), with stride s, padding p and dilation d. With groups the
// channels of x and y are cut into as many parts, and a channel of y sees the channels of its own part only.
// Depthwise: as many groups as channels of x and of y.
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

/// How the kernel moves: steps, zeros around the image and steps within the kernel are the same along both
/// axes. `groups` divides the channels of input and output.
struct ConvOptions {
    std::int64_t stride = 1, padding = 0, groups = 1, dilation = 1;
};

/// Sizes of x (batch, in, height, width), w (out, in / groups, kernel_height, kernel_width) and
/// y (batch, out, out_height, out_width).
struct ConvGeometry {
    std::int64_t batch, in, height, width;
    std::int64_t out, kernel_height, kernel_width;
    std::int64_t out_height, out_width;
    std::int64_t stride, padding, groups, dilation;

    LAFS_HOST_DEVICE bool depthwise() const { return groups != 1 && groups == in && groups == out; }
    /// Channels of one group.
    LAFS_HOST_DEVICE std::int64_t group_in() const { return in / groups; }
    LAFS_HOST_DEVICE std::int64_t group_out() const { return out / groups; }

    LAFS_HOST_DEVICE std::int64_t in_plane() const { return height * width; }
    LAFS_HOST_DEVICE std::int64_t out_plane() const { return out_height * out_width; }
    LAFS_HOST_DEVICE std::int64_t taps() const { return kernel_height * kernel_width; }
    /// Products summed into one output.
    LAFS_HOST_DEVICE std::int64_t depth() const { return group_in() * taps(); }
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
                ", padding ", options.padding, ", dilation ", options.dilation, ", ", options.groups,
                " groups: expected ", expected...);
    };
    check(x.rank() == 4 && w.rank() == 4, "(batch, in, height, width) and (out, in / groups, height, width)");
    check(options.stride >= 1 && options.padding >= 0 && options.dilation >= 1,
          "a positive stride and dilation and no negative padding");
    check(w[2] >= 1 && w[3] >= 1, "a kernel of at least one pixel");
    check(options.groups >= 1 && x[1] % options.groups == 0 && w[0] % options.groups == 0,
          "groups that divide the channels of input and output");
    check(w[1] == x[1] / options.groups, "a weight of ", x[1] / options.groups, " input channels");
    const std::int64_t free_height = x[2] + 2 * options.padding - (w[2] - 1) * options.dilation - 1,
                       free_width = x[3] + 2 * options.padding - (w[3] - 1) * options.dilation - 1;
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
            options.groups,
            options.dilation};
}

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
