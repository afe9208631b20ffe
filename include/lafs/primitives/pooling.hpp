// Pooling over windows of a plane: sizes, formulas and contract.
//
//   average_pool_forward(D, geometry, x, y)                 y = mean of each window
//   average_pool_backward(D, geometry, g, dx)               dx = or +=
//   max_pool_forward(D, geometry, x, y, where)              y = largest of each window; where = its place
//   max_pool_backward(D, geometry, where, g, dx)            dx = or +=
//
// x and dx (planes, height, width), y, g and where (planes, out height, out width), contiguous. A place is row *
// width + column; of equal elements it is that of the first. Sums are in float or wider. A gradient gathers
// from the windows that cover its pixel, in order, so nothing is added by two threads.
//
// Along an axis window i of a fixed kernel begins at i stride - padding; that of an adaptive pooling of n pixels
// to m covers floor(i n / m) .. ceil((i + 1) n / m) - 1. As torch.nn.functional.{max,avg}_pool2d and
// adaptive_{max,avg}_pool2d.
#pragma once

#include <lafs/core/dtype.hpp>
#include <lafs/core/shape.hpp>
#include <lafs/primitives/extremum.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// A square kernel, the same along both axes: `stride` 0 is the kernel's side. Padding is at most half of the
/// kernel; the zeros that it stands for count in an average if `count_padding`, and are no maximum.
struct PoolOptions {
    std::int64_t kernel = 2, stride = 0, padding = 0;
    bool count_padding = true;
};

/// Places along an axis, first .. last - 1.
struct PoolRange {
    std::int64_t first, last;
};

/// The windows along one axis: `size` pixels to `out`. An adaptive axis has kernel 0.
struct PoolAxis {
    std::int64_t size, out, kernel, stride, padding;

    /// The pixels of window i.
    LAFS_HOST_DEVICE PoolRange window(std::int64_t i) const {
        if (kernel == 0)
            return {i * size / out, ((i + 1) * size + out - 1) / out};
        const std::int64_t begin = i * stride - padding, end = begin + kernel;
        return {begin < 0 ? 0 : begin, end > size ? size : end};
    }
    /// The windows that cover pixel p.
    LAFS_HOST_DEVICE PoolRange covering(std::int64_t p) const {
        if (kernel == 0)
            return {p * out / size, ((p + 1) * out + size - 1) / size};
        const std::int64_t at = p + padding, end = at / stride + 1;
        return {at < kernel ? 0 : (at - kernel) / stride + 1, end > out ? out : end};
    }
};

struct PoolGeometry {
    std::int64_t planes;
    PoolAxis rows, columns;
    bool count_padding;

    LAFS_HOST_DEVICE std::int64_t in_plane() const { return rows.size * columns.size; }
    LAFS_HOST_DEVICE std::int64_t out_plane() const { return rows.out * columns.out; }

    /// What the sum of a window is divided by.
    LAFS_HOST_DEVICE std::int64_t divisor(std::int64_t v, std::int64_t u) const {
        if (count_padding && rows.kernel != 0)
            return rows.kernel * columns.kernel;
        const PoolRange a = rows.window(v), b = columns.window(u);
        return (a.last - a.first) * (b.last - b.first);
    }

    /// The mean of window (v, u) of a plane x.
    template <class T>
    LAFS_HOST_DEVICE compute_t<T> average(const T* x, std::int64_t v, std::int64_t u) const {
        const PoolRange a = rows.window(v), b = columns.window(u);
        compute_t<T> sum(0);
        for (std::int64_t y = a.first; y < a.last; ++y)
            for (std::int64_t at = y * columns.size + b.first; at < y * columns.size + b.last; ++at)
                sum += static_cast<compute_t<T>>(x[at]);
        return sum / static_cast<compute_t<T>>(divisor(v, u));
    }

    /// The largest element of window (v, u) of a plane x.
    template <class T>
    LAFS_HOST_DEVICE Extremum<compute_t<T>> largest(const T* x, std::int64_t v, std::int64_t u) const {
        const PoolRange a = rows.window(v), b = columns.window(u);
        const std::int64_t first = a.first * columns.size + b.first;
        Extremum<compute_t<T>> best{static_cast<compute_t<T>>(x[first]), first};
        for (std::int64_t y = a.first; y < a.last; ++y)
            for (std::int64_t at = y * columns.size + b.first; at < y * columns.size + b.last; ++at)
                best.take(Largest{}, {static_cast<compute_t<T>>(x[at]), at});
        return best;
    }

    /// The gradient of pixel (y, x) of a plane from that of the averages, g.
    template <class T>
    LAFS_HOST_DEVICE compute_t<T> average_gradient(const T* g, std::int64_t y, std::int64_t x) const {
        const PoolRange a = rows.covering(y), b = columns.covering(x);
        compute_t<T> sum(0);
        for (std::int64_t v = a.first; v < a.last; ++v)
            for (std::int64_t u = b.first; u < b.last; ++u)
                sum += static_cast<compute_t<T>>(g[v * columns.out + u]) /
                       static_cast<compute_t<T>>(divisor(v, u));
        return sum;
    }

    /// The gradient of pixel (y, x) of a plane from that of the maxima, g.
    template <class T>
    LAFS_HOST_DEVICE compute_t<T> largest_gradient(const std::int64_t* where, const T* g, std::int64_t y,
                                                   std::int64_t x) const {
        const PoolRange a = rows.covering(y), b = columns.covering(x);
        const std::int64_t place = y * columns.size + x;
        compute_t<T> sum(0);
        for (std::int64_t v = a.first; v < a.last; ++v)
            for (std::int64_t u = b.first; u < b.last; ++u)
                if (where[v * columns.out + u] == place)
                    sum += static_cast<compute_t<T>>(g[v * columns.out + u]);
        return sum;
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END

namespace lafs::inline LAFS_ABI {

/// Works out the sizes of a pooling with a kernel over x (..., height, width). Throws when they do not fit.
inline PoolGeometry pool_geometry(const char* operation, const Shape& x, PoolOptions options) {
    if (options.stride == 0)
        options.stride = options.kernel;
    const auto check = [&](bool condition, const char* expected) {
        require(condition, operation, "got input ", x, ", kernel ", options.kernel, ", stride ",
                options.stride, " and padding ", options.padding, ", expected ", expected);
    };
    check(x.rank() >= 2, "(..., height, width)");
    check(options.kernel >= 1 && options.stride >= 1, "a positive kernel and stride");
    check(options.padding >= 0 && 2 * options.padding <= options.kernel,
          "a padding of at most half the kernel");
    const auto axis = [&](std::int64_t size) {
        const std::int64_t free = size + 2 * options.padding - options.kernel;
        check(size >= 1 && free >= 0, "a kernel no larger than the padded input");
        return PoolAxis{size, free / options.stride + 1, options.kernel, options.stride, options.padding};
    };
    return {x.size_between(0, x.rank() - 2), axis(x[-2]), axis(x[-1]), options.count_padding};
}

/// The same of an adaptive pooling to (height, width).
inline PoolGeometry adaptive_pool_geometry(const char* operation, const Shape& x, std::int64_t height,
                                           std::int64_t width) {
    require(x.rank() >= 2 && x[-2] >= 1 && x[-1] >= 1 && height >= 1 && width >= 1, operation, "got input ",
            x, " and output ", height, " x ", width, ", expected (..., height, width) and positive sizes");
    return {x.size_between(0, x.rank() - 2), {x[-2], height, 0, 0, 0}, {x[-1], width, 0, 0, 0}, false};
}

}  // namespace lafs::inline LAFS_ABI
