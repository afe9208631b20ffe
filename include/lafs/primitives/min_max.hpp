// The row program of min-max scaling (primitives/row.hpp tells what `lanes` are, and what runs it).
#pragma once

#include <lafs/primitives/row.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// y = (x - low) / (high - low) with the row's smallest and largest value; 0, without gradient, for a row of
/// equal values. Elements that share an extreme share its gradient.
struct MinMaxRow {
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, T* y) {
        const auto range = range_of(lanes, n, x);
        const auto low = lanes.value(range.low), scale = lanes.value(range.inverse);
        lanes.each(n, [&](auto at) { at.store(y, (at(x) - low) * scale); });
    }

    /// With r = high - low and k elements at an extreme:
    /// dx = (g - [x = low] sum g (1 - y) / k - [x = high] sum g y / k) / r.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* x, const T* g,
                                          const GradientTarget<T>& dx) {
        const auto range = range_of(lanes, n, x);
        const auto low = lanes.value(range.low), high = lanes.value(range.high),
                   scale = lanes.value(range.inverse);
        const auto at_low = lanes.sum(n, [&](auto at) { return is_equal(at(x), low); }),
                   at_high = lanes.sum(n, [&](auto at) { return is_equal(at(x), high); });
        const auto low_share =
            lanes.value(lanes.sum(n, [&](auto at) { return at(g) * (high - at(x)) * scale; }) / at_low);
        const auto high_share =
            lanes.value(lanes.sum(n, [&](auto at) { return at(g) * (at(x) - low) * scale; }) / at_high);
        lanes.each(n, [&](auto at) {
            const auto value = at(x);
            at.put(dx,
                   (at(g) - is_equal(value, low) * low_share - is_equal(value, high) * high_share) * scale);
        });
    }

private:
    template <class Number>
    struct Range {
        Number low, high, inverse;
    };

    template <class Lanes, class T>
    LAFS_HOST_DEVICE static auto range_of(const Lanes& lanes, std::int64_t n, const T* x) {
        const auto zero = lanes.value(0);
        const auto high = lanes.max(n, [&](auto at) { return at(x); });
        const auto low = -lanes.max(n, [&](auto at) { return zero - at(x); });
        using Number = decltype(high + low);
        return Range<Number>{low, high, high > low ? 1 / (high - low) : Number(0)};
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
