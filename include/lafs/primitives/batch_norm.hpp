// Batch normalisation with the operation that follows it (Ioffe & Szegedy, arXiv 1502.03167): sizes, formulas
// over a value type, and contract.
//
//   h = (x - mean) r,  z = gain h + bias,  y = Op(z)           per channel of x (batch, channels, plane)
//   dz = g Op'(z),  dbias = sum dz,  dgain = sum dz h
//   dx = gain r (dz - mean(dz) - h mean(dz h)), the means 0 where the statistics are constants
//
// A backend overloads, for its device; gain, bias and statistics are (channels,), in the device's memory:
//   batch_norm_training(D, op, sizes, x, gain, bias, epsilon, y, statistics)
//       statistics =, from x; y =
//   batch_norm_evaluation(D, op, sizes, x, gain, bias, mean, inverse_deviation, y)
//       y =, from given statistics
//   batch_norm_backward(D, op, sizes, training, x, g, gain, bias, mean, inverse_deviation, dx, dgain,
//                       dbias)
//       the three targets = or +=, those that are wanted; with `training` the statistics depend on x
// Nothing of x's size is stored: z and h are computed again in the backward pass. Sums over a channel are
// double, or float over at most some thousand elements.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/primitives/gradient_target.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// x as (batch, channels, plane).
struct ChannelSizes {
    std::int64_t batch, channels, plane;

    /// Elements of one channel.
    LAFS_HOST_DEVICE std::int64_t count() const { return batch * plane; }
    /// Where a channel's plane of one image begins.
    LAFS_HOST_DEVICE std::int64_t row(std::int64_t image, std::int64_t channel) const {
        return (image * channels + channel) * plane;
    }
};

/// One number a channel: the mean, the variance (divided by the count) and 1 / sqrt(variance + epsilon).
template <class T>
struct ChannelStatistics {
    T* mean;
    T* variance;
    T* inverse_deviation;
};

/// Mean and sum of squared deviations of a growing set (Chan et al., 1979: no cancellation).
struct ChannelMoments {
    double count = 0, mean = 0, squares = 0;

    LAFS_HOST_DEVICE void add(double n, double part_mean, double part_squares) {
        const double delta = part_mean - mean, total = count + n;
        mean += delta * n / total;
        squares += part_squares + delta * delta * count * n / total;
        count = total;
    }

    /// Writes a channel's statistics.
    template <class T>
    LAFS_HOST_DEVICE void put(const ChannelStatistics<T>& to, std::int64_t channel, double epsilon) const {
        const double variance = squares / count;
        to.mean[channel] = static_cast<T>(mean);
        to.variance[channel] = static_cast<T>(variance);
        to.inverse_deviation[channel] = static_cast<T>(1 / std::sqrt(variance + epsilon));
    }
};

/// What the passes over one channel need.
template <class T>
struct ChannelAffine {
    T mean, inverse_deviation, gain, bias;
};

/// y of a channel's elements, in the value type V.
template <class Op, class V>
struct ChannelOutput {
    V mean, scale, bias;

    template <class T>
    LAFS_HOST_DEVICE explicit ChannelOutput(const ChannelAffine<T>& a)
        : mean(a.mean), scale(a.gain * a.inverse_deviation), bias(a.bias) {}

    LAFS_HOST_DEVICE V operator()(const V& x) const { return Op::f((x - mean) * scale + bias); }
};

/// The sums of dz and of dz h over a channel.
struct ChannelSums {
    double dz = 0, dz_h = 0;
};

/// h and the gradients of z and x, in the value type V (`at`: see primitives/row.hpp).
template <class Op, class V>
struct ChannelGradient {
    V mean, inverse_deviation, gain, bias, scale, dz_mean, dz_h_mean;

    /// `sums` of `count` elements; 0 where the statistics are constants, or where dx is not wanted.
    template <class T>
    LAFS_HOST_DEVICE explicit ChannelGradient(const ChannelAffine<T>& a, const ChannelSums& sums = {},
                                              std::int64_t count = 1)
        : mean(a.mean),
          inverse_deviation(a.inverse_deviation),
          gain(a.gain),
          bias(a.bias),
          scale(a.gain * a.inverse_deviation),
          dz_mean(static_cast<T>(sums.dz / static_cast<double>(count))),
          dz_h_mean(static_cast<T>(sums.dz_h / static_cast<double>(count))) {}

    LAFS_HOST_DEVICE V h(const V& x) const { return (x - mean) * inverse_deviation; }
    LAFS_HOST_DEVICE V dz(const V& h, const V& g) const {
        const V z = h * gain + bias;
        return g * Op::df(z, Op::f(z));
    }
    /// Puts dx of the elements `at`.
    template <class At, class T>
    LAFS_HOST_DEVICE void put_dx(const At& at, const T* x, const T* g, const GradientTarget<T>& dx) const {
        const V h = this->h(at(x));
        at.put(dx, (dz(h, at(g)) - dz_mean - h * dz_h_mean) * scale);
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
