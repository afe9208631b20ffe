// Batch normalisation on the CPU (formulas and contract: primitives/batch_norm.hpp).
//
// A task owns whole channels: it computes their statistics and their output while they are in its cache, so
// that memory is read once and written once. Sums run over packs of some thousand elements, then in double,
// in the order of memory.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/batch_norm.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// A full pack of a row.
template <class T>
struct WholePack {
    std::int64_t position;

    Pack<T> operator()(const T* row) const { return load(row + position); }
    Pack<T> only(const Pack<T>& value) const { return value; }
    void put(const GradientTarget<T>& row, const Pack<T>& value) const {
        store(row.data + position, row.accumulate ? load(row.data + position) + value : value);
    }
};

/// The last elements of a row: `count` lanes of which the first `seen` were in the pack before.
template <class T>
struct LastPack {
    std::int64_t position, count, seen;

    Pack<T> operator()(const T* row) const {
        return count == Pack<T>::width ? load(row + position) : load(row + position, 1, count);
    }
    /// The value in lanes that count, else 0.
    Pack<T> only(const Pack<T>& value) const {
        const Pack<T> lane = load(lanes), zero(T(0));
        return select(is_less(lane, Pack<T>(seen)), zero, select(is_less(lane, Pack<T>(count)), value, zero));
    }
    void put(const GradientTarget<T>& row, const Pack<T>& value) const {
        const Pack<T> sum = row.accumulate ? (*this)(row.data) + only(value) : value;
        if (count == Pack<T>::width)
            store(row.data + position, sum);
        else
            store(row.data + position, sum, 1, count);
    }

private:
    static constexpr T lanes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
};

/// Calls body(pack, k) over a row, k = 0 .. 3 in turn (a compile-time constant, for independent sums).
template <class T, class Body>
void each_pack(std::int64_t n, const Body& body) {
    constexpr std::int64_t width = Pack<T>::width;
    std::int64_t i = 0;
    for (; i + 4 * width <= n; i += 4 * width)
        unroll<4>([&](auto k) { body(WholePack<T>{i + k * width}, k); });
    for (; i + width <= n; i += width)
        body(WholePack<T>{i}, std::integral_constant<int, 0>{});
    if (i == n)
        return;
    const LastPack<T> last =
        n < width ? LastPack<T>{0, n, 0} : LastPack<T>{n - width, width, width - (n - i)};
    body(last, std::integral_constant<int, 1>{});
}

/// Four packs of partial sums, emptied into a double.
template <class T>
struct LaneSums {
    Pack<T> lanes[4] = {Pack<T>(T(0)), Pack<T>(T(0)), Pack<T>(T(0)), Pack<T>(T(0))};

    double take() {
        const double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])).sum();
        *this = {};
        return sum;
    }
};

template <class T>
LAFS_FLATTEN ChannelMoments channel_moments(const ChannelSizes& sizes, std::int64_t channel, const T* x) {
    ChannelMoments moments;
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const T* row = x + sizes.row(image, channel);
        LaneSums<T> sums;
        each_pack<T>(sizes.plane, [&](auto at, auto k) { sums.lanes[k] = sums.lanes[k] + at.only(at(row)); });
        const double mean = sums.take() / static_cast<double>(sizes.plane);
        const Pack<T> shift(mean);
        each_pack<T>(sizes.plane, [&](auto at, auto k) {
            const Pack<T> deviation = at.only(at(row) - shift);
            sums.lanes[k] = sums.lanes[k] + deviation * deviation;
        });
        // The row's mean was rounded to T for the deviations: their sum of squares is about that value.
        const double error = mean - static_cast<double>(static_cast<T>(mean));
        const double n = static_cast<double>(sizes.plane);
        moments.add(n, mean, std::max(0.0, sums.take() - n * error * error));
    }
    return moments;
}

template <class Op, class T>
LAFS_FLATTEN void normalize_channel(const ChannelSizes& sizes, std::int64_t channel,
                                    const ChannelAffine<T>& a, const T* x, T* y) {
    const ChannelOutput<Op, Pack<T>> output(a);
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const std::int64_t row = sizes.row(image, channel);
        const T* from = x + row;
        const GradientTarget<T> to{y + row, false};
        each_pack<T>(sizes.plane, [&](auto at, auto) { at.put(to, output(at(from))); });
    }
}

template <class Op, class T>
LAFS_FLATTEN ChannelSums gradient_sums(const ChannelSizes& sizes, std::int64_t channel,
                                       const ChannelAffine<T>& a, const T* x, const T* g) {
    const ChannelGradient<Op, Pack<T>> c(a);
    ChannelSums total;
    LaneSums<T> dz_sums, dz_h_sums;
    std::int64_t summed = 0;
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const std::int64_t row = sizes.row(image, channel);
        each_pack<T>(sizes.plane, [&](auto at, auto k) {
            const Pack<T> h = c.h(at(x + row)), dz = at.only(c.dz(h, at(g + row)));
            dz_sums.lanes[k] = dz_sums.lanes[k] + dz;
            dz_h_sums.lanes[k] = dz_h_sums.lanes[k] + dz * h;
        });
        if ((summed += sizes.plane) >= 2048 || image + 1 == sizes.batch) {
            total.dz += dz_sums.take();
            total.dz_h += dz_h_sums.take();
            summed = 0;
        }
    }
    return total;
}

template <class Op, class T>
LAFS_FLATTEN void input_gradient(const ChannelSizes& sizes, std::int64_t channel, const ChannelAffine<T>& a,
                                 const ChannelSums& sums, const T* x, const T* g,
                                 const GradientTarget<T>& dx) {
    const ChannelGradient<Op, Pack<T>> c(a, sums, sizes.count());
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const std::int64_t row = sizes.row(image, channel);
        const GradientTarget<T> to{dx.data + row, dx.accumulate};
        each_pack<T>(sizes.plane, [&](auto at, auto) { c.put_dx(at, x + row, g + row, to); });
    }
}

/// Runs body(channel) for every channel.
template <class Body>
void for_each_channel(const ChannelSizes& sizes, const Body& body) {
    count_launch();
    const std::int64_t grain =
        std::max<std::int64_t>(1, map_grain / std::max<std::int64_t>(1, sizes.count()));
    parallel_ranges(sizes.channels, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t channel = begin; channel < end; ++channel)
            body(channel);
    });
}

}  // namespace cpu

template <class Op, class T>
void batch_norm_training(Cpu, Op, const ChannelSizes& sizes, const T* x, const T* gain, const T* bias,
                         double epsilon, T* y, const ChannelStatistics<T>& statistics) {
    cpu::for_each_channel(sizes, [&](std::int64_t channel) {
        cpu::channel_moments(sizes, channel, x).put(statistics, channel, epsilon);
        cpu::normalize_channel<Op, T>(
            sizes, channel,
            {statistics.mean[channel], statistics.inverse_deviation[channel], gain[channel], bias[channel]},
            x, y);
    });
}

template <class Op, class T>
void batch_norm_evaluation(Cpu, Op, const ChannelSizes& sizes, const T* x, const T* gain, const T* bias,
                           const T* mean, const T* inverse_deviation, T* y) {
    cpu::for_each_channel(sizes, [&](std::int64_t channel) {
        cpu::normalize_channel<Op, T>(
            sizes, channel, {mean[channel], inverse_deviation[channel], gain[channel], bias[channel]}, x, y);
    });
}

template <class Op, class T>
void batch_norm_backward(Cpu, Op, const ChannelSizes& sizes, bool training, const T* x, const T* g,
                         const T* gain, const T* bias, const T* mean, const T* inverse_deviation,
                         const GradientTarget<T>& dx, const GradientTarget<T>& dgain,
                         const GradientTarget<T>& dbias) {
    cpu::for_each_channel(sizes, [&](std::int64_t channel) {
        const ChannelAffine<T> affine{mean[channel], inverse_deviation[channel], gain[channel],
                                      bias[channel]};
        ChannelSums sums;
        if (training || dgain || dbias)
            sums = cpu::gradient_sums<Op, T>(sizes, channel, affine, x, g);
        const auto put = [&](const GradientTarget<T>& to, double value) {
            if (to)
                to.data[channel] = static_cast<T>(value + (to.accumulate ? to.data[channel] : T(0)));
        };
        put(dgain, sums.dz_h);
        put(dbias, sums.dz);
        if (dx)
            cpu::input_gradient<Op, T>(sizes, channel, affine, training ? sums : ChannelSums{}, x, g, dx);
    });
}

}  // namespace lafs::inline LAFS_ABI
