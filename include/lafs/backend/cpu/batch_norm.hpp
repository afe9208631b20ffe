// Batch normalisation with the activation that follows it, on the CPU (Ioffe & Szegedy, arXiv 1502.03167).
//
//   h = (x - mean) r,  z = gain h + bias,  y = Op(z)      per channel of x (batch, channels, plane)
// A task owns whole channels: it computes their statistics and their output while they are in its cache, so
// that memory is read once and written once. z and h are computed again in the backward pass, not stored.
// Sums run over packs of some thousand elements, then in double, in the order of memory.
#pragma once

#include <lafs/backend/cpu/map.hpp>

namespace lafs::inline LAFS_ABI {

/// x as (batch, channels, plane).
struct ChannelSizes {
    std::int64_t batch, channels, plane;

    /// Elements of one channel.
    std::int64_t count() const { return batch * plane; }
};

/// One number a channel: the mean, the variance (divided by the count) and 1 / sqrt(variance + epsilon).
template <class T>
struct ChannelStatistics {
    T* mean;
    T* variance;
    T* inverse_deviation;
};

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

/// Mean and sum of squared deviations of a growing set (Chan et al., 1979: no cancellation).
struct Moments {
    double count = 0, mean = 0, squares = 0;

    void add(double n, double row_mean, double row_squares) {
        const double delta = row_mean - mean, total = count + n;
        mean += delta * n / total;
        squares += row_squares + delta * delta * count * n / total;
        count = total;
    }
};

template <class T>
LAFS_FLATTEN Moments channel_moments(const ChannelSizes& sizes, std::int64_t channel, const T* x) {
    Moments moments;
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const T* row = x + (image * sizes.channels + channel) * sizes.plane;
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

/// What the passes over one channel need.
template <class T>
struct ChannelAffine {
    T mean, inverse_deviation, gain, bias;
};

template <class Op, class T>
LAFS_FLATTEN void normalize_channel(const ChannelSizes& sizes, std::int64_t channel,
                                    const ChannelAffine<T>& a, const T* x, T* y) {
    using P = Pack<T>;
    const P mean(a.mean), scale(a.gain * a.inverse_deviation), bias(a.bias);
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const std::int64_t row = (image * sizes.channels + channel) * sizes.plane;
        const T* from = x + row;
        const GradientTarget<T> to{y + row, false};
        each_pack<T>(sizes.plane,
                     [&](auto at, auto) { at.put(to, Op::f((at(from) - mean) * scale + bias)); });
    }
}

/// h and the gradient of z.
template <class Op, class T>
struct ChannelGradient {
    using P = Pack<T>;
    P mean, inverse_deviation, gain, bias;

    explicit ChannelGradient(const ChannelAffine<T>& a)
        : mean(a.mean), inverse_deviation(a.inverse_deviation), gain(a.gain), bias(a.bias) {}

    P h(const P& x) const { return (x - mean) * inverse_deviation; }
    P dz(const P& h, const P& g) const {
        const P z = h * gain + bias;
        return g * Op::df(z, Op::f(z));
    }
};

/// The sums of dz and of dz h over a channel.
struct ChannelSums {
    double dz = 0, dz_h = 0;
};

template <class Op, class T>
LAFS_FLATTEN ChannelSums gradient_sums(const ChannelSizes& sizes, std::int64_t channel,
                                       const ChannelAffine<T>& a, const T* x, const T* g) {
    const ChannelGradient<Op, T> c(a);
    ChannelSums total;
    LaneSums<T> dz_sums, dz_h_sums;
    std::int64_t summed = 0;
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const std::int64_t row = (image * sizes.channels + channel) * sizes.plane;
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

/// dx (+)= gain r (dz - dz_mean - h dz_h_mean).
template <class Op, class T>
LAFS_FLATTEN void input_gradient(const ChannelSizes& sizes, std::int64_t channel, const ChannelAffine<T>& a,
                                 T dz_mean, T dz_h_mean, const T* x, const T* g,
                                 const GradientTarget<T>& dx) {
    using P = Pack<T>;
    const ChannelGradient<Op, T> c(a);
    const P scale(a.gain * a.inverse_deviation), shift(dz_mean), slope(dz_h_mean);
    for (std::int64_t image = 0; image < sizes.batch; ++image) {
        const std::int64_t row = (image * sizes.channels + channel) * sizes.plane;
        const GradientTarget<T> to{dx.data + row, dx.accumulate};
        each_pack<T>(sizes.plane, [&](auto at, auto) {
            const P h = c.h(at(x + row));
            at.put(to, (c.dz(h, at(g + row)) - shift - h * slope) * scale);
        });
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

/// Computes the statistics of x and y from them.
template <class Op, class T>
void batch_norm_training(Cpu, Op, const ChannelSizes& sizes, const T* x, const T* gain, const T* bias,
                         double epsilon, T* y, const ChannelStatistics<T>& statistics) {
    cpu::for_each_channel(sizes, [&](std::int64_t channel) {
        const cpu::Moments moments = cpu::channel_moments(sizes, channel, x);
        const double variance = moments.squares / moments.count;
        statistics.mean[channel] = static_cast<T>(moments.mean);
        statistics.variance[channel] = static_cast<T>(variance);
        statistics.inverse_deviation[channel] = static_cast<T>(1 / std::sqrt(variance + epsilon));
        cpu::normalize_channel<Op, T>(
            sizes, channel,
            {statistics.mean[channel], statistics.inverse_deviation[channel], gain[channel], bias[channel]},
            x, y);
    });
}

/// Computes y from given statistics.
template <class Op, class T>
void batch_norm_evaluation(Cpu, Op, const ChannelSizes& sizes, const T* x, const T* gain, const T* bias,
                           const T* mean, const T* inverse_deviation, T* y) {
    cpu::for_each_channel(sizes, [&](std::int64_t channel) {
        cpu::normalize_channel<Op, T>(
            sizes, channel, {mean[channel], inverse_deviation[channel], gain[channel], bias[channel]}, x, y);
    });
}

/// Gradients of x, gain and bias; with `training` the statistics depend on x, else they are constants.
template <class Op, class T>
void batch_norm_backward(Cpu, Op, const ChannelSizes& sizes, bool training, const T* x, const T* g,
                         const T* gain, const T* bias, const T* mean, const T* inverse_deviation,
                         const GradientTarget<T>& dx, const GradientTarget<T>& dgain,
                         const GradientTarget<T>& dbias) {
    cpu::for_each_channel(sizes, [&](std::int64_t channel) {
        const cpu::ChannelAffine<T> affine{mean[channel], inverse_deviation[channel], gain[channel],
                                           bias[channel]};
        cpu::ChannelSums sums;
        if (training || dgain || dbias)
            sums = cpu::gradient_sums<Op, T>(sizes, channel, affine, x, g);
        const auto put = [&](const GradientTarget<T>& to, double value) {
            if (to)
                to.data[channel] = static_cast<T>(value + (to.accumulate ? to.data[channel] : T(0)));
        };
        put(dgain, sums.dz_h);
        put(dbias, sums.dz);
        const double n = static_cast<double>(sizes.count());
        if (dx)
            cpu::input_gradient<Op, T>(sizes, channel, affine, static_cast<T>(training ? sums.dz / n : 0),
                                       static_cast<T>(training ? sums.dz_h / n : 0), x, g, dx);
    });
}

}  // namespace lafs::inline LAFS_ABI
