// Depthwise convolution on the CPU (sizes and formula: primitives/convolution.hpp).
//
// A channel's plane is copied, with its padding, into stride x stride phase planes (pixels of equal
// remainders). With outputs numbered by the pitch of a phase plane, tap t of output i reads element i +
// offset[t]: one contiguous correlation over the whole plane, whatever its width, the stride and the padding.
// Outputs that fall between the rows are computed and thrown away.
#pragma once

#include <lafs/backend/cpu/copy.hpp>
#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/convolution.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// The phase planes of one channel.
template <class T>
class PhasePlanes {
public:
    static constexpr int width = Pack<T>::width;

    explicit PhasePlanes(const ConvGeometry& geometry) : g(geometry) {
        const std::int64_t s = g.stride;
        pitch = (g.width + 2 * g.padding + s - 1) / s;
        size = pitch * ((g.height + 2 * g.padding + s - 1) / s);
        length = (g.out_height - 1) * pitch + g.out_width;
        for (std::int64_t t = 0; t < g.taps(); ++t) {
            const std::int64_t a = t / g.kernel_width * g.dilation, b = t % g.kernel_width * g.dilation;
            phase.push_back(a % s * s + b % s);
            inner.push_back(a / s * pitch + b / s);
            offset.push_back(phase.back() * size + inner.back());
        }
        reach = inner.back();
        for (std::int64_t y = 0; y < g.height; ++y)
            for (std::int64_t x = 0; x < std::min(s, g.width); ++x) {
                const std::int64_t r = y + g.padding, c = x + g.padding;
                rows.push_back({y * g.width + x, (r % s * s + c % s) * size + r / s * pitch + c / s,
                                (g.width - x + s - 1) / s});
            }
    }

    /// Elements of the buffer of all phases; whole packs may be read at any output.
    std::int64_t buffer() const { return g.stride * g.stride * size + reach + 4 * width; }

    /// Copies a plane; what lies around it in the buffer stays as it is (zero).
    void fill(const T* plane, T* to) const {
        for (const Row& row : rows)
            if (g.stride == 1)
                copy_short(plane + row.pixel, row.count, to + row.at);
            else
                for (std::int64_t i = 0; i < row.count; ++i)
                    to[row.at + i] = plane[row.pixel + i * g.stride];
    }

    /// The way back, for gradients.
    void drain(const T* from, const GradientTarget<T>& plane) const {
        for (const Row& row : rows) {
            T* to = plane.data + row.pixel;
            const T* in = from + row.at;
            if (plane.accumulate)
                for (std::int64_t i = 0; i < row.count; ++i)
                    to[i * g.stride] += in[i];
            else if (g.stride == 1)
                copy_short(in, row.count, to);
            else
                for (std::int64_t i = 0; i < row.count; ++i)
                    to[i * g.stride] = in[i];
        }
    }

    /// Pixels pixel, pixel + stride .. of the plane lie at elements at, at + 1 .. of the buffer.
    struct Row {
        std::int64_t pixel, at, count;
    };

    ConvGeometry g;
    std::int64_t pitch, size, length, reach;
    PoolVector<std::int64_t> phase, inner, offset;  // of each tap
    PoolVector<Row> rows;
};

/// out[i] = bias + sum over t of weight[t] in[i + offset[t]], for 0 <= i < count rounded up to whole packs.
template <class T>
LAFS_FLATTEN void correlate(T* out, std::int64_t count, const T* in, std::int64_t taps, const T* weight,
                            const std::int64_t* offset, T bias) {
    using P = Pack<T>;
    const auto run = [&]<int packs>(std::integral_constant<int, packs>, std::int64_t i) {
        P sum[packs];
        unroll<packs>([&](auto k) { sum[k] = P(bias); });
        for (std::int64_t t = 0; t < taps; ++t) {
            const P w(weight[t]);
            const T* from = in + i + offset[t];
            unroll<packs>([&](auto k) { sum[k] = sum[k] + w * load(from + k * P::width); });
        }
        unroll<packs>([&](auto k) { store(out + i + k * P::width, sum[k]); });
    };
    std::int64_t i = 0;
    for (; i + 3 * P::width < count; i += 4 * P::width)
        run(std::integral_constant<int, 4>{}, i);
    for (; i < count; i += P::width)
        run(std::integral_constant<int, 1>{}, i);
}

/// sums[t] += the products of g[i] and in[i + offset[t]], lane by lane, over whole packs.
template <class T>
LAFS_FLATTEN void correlate_weights(Pack<T>* sums, std::int64_t count, const T* in, std::int64_t taps,
                                    const std::int64_t* offset, const T* g) {
    using P = Pack<T>;
    const auto run = [&]<int some>(std::integral_constant<int, some>, std::int64_t t) {
        P sum[some];
        unroll<some>([&](auto k) { sum[k] = sums[t + k]; });
        for (std::int64_t i = 0; i < count; i += P::width) {
            const P gradient = load(g + i);
            unroll<some>([&](auto k) { sum[k] = sum[k] + gradient * load(in + i + offset[t + k]); });
        }
        unroll<some>([&](auto k) { sums[t + k] = sum[k]; });
    };
    std::int64_t t = 0;
    for (; t + 5 <= taps; t += 5)
        run(std::integral_constant<int, 5>{}, t);
    for (; t < taps; ++t)
        run(std::integral_constant<int, 1>{}, t);
}

/// Channels of one task.
inline std::int64_t channels_per_task(const ConvGeometry& g) {
    return std::max<std::int64_t>(1, map_grain / std::max<std::int64_t>(1, g.batch * g.in_plane()));
}

/// Gradients of one channel, with the buffers of one task.
template <class T>
class DepthwiseBackward {
public:
    explicit DepthwiseBackward(const PhasePlanes<T>& planes)
        : p_(planes),
          back_(static_cast<std::size_t>(planes.g.taps())),
          x_(Tensor<T>::zeros({planes.buffer()})),
          dx_(Tensor<T>::empty({planes.buffer()})),
          g_(Tensor<T>::zeros({planes.reach + planes.buffer()})),
          sums_(static_cast<std::size_t>(planes.g.taps())) {
        // Taps of one phase after the other, their offsets negative: dx[j] sums w[t] g[j - inner[t]].
        std::int64_t at = 0;
        for (std::int64_t phase = 0; phase < p_.g.stride * p_.g.stride; ++phase) {
            first_.push_back(at);
            for (std::int64_t t = 0; t < p_.g.taps(); ++t)
                if (p_.phase[static_cast<std::size_t>(t)] == phase) {
                    order_.push_back(t);
                    back_[static_cast<std::size_t>(at++)] = -p_.inner[static_cast<std::size_t>(t)];
                }
        }
        first_.push_back(at);
    }

    void run(std::int64_t channel, const T* x, const T* w, const T* grad, const GradientTarget<T>& dx,
             const GradientTarget<T>& dw) {
        const ConvGeometry& g = p_.g;
        std::fill(sums_.begin(), sums_.end(), Pack<T>(T(0)));
        weights_.resize(static_cast<std::size_t>(g.taps()));
        for (std::size_t t = 0; t < weights_.size(); ++t)
            weights_[t] = w[channel * g.taps() + order_[t]];
        for (std::int64_t image = 0; image < g.batch; ++image) {
            const std::int64_t plane = image * g.in + channel;
            const T* from = grad + plane * g.out_plane();
            T* gradient = g_.data() + p_.reach;
            for (std::int64_t v = 0; v < g.out_height; ++v)
                copy_short(from + v * g.out_width, g.out_width, gradient + v * p_.pitch);
            if (dw) {
                p_.fill(x + plane * g.in_plane(), x_.data());
                correlate_weights(sums_.data(), p_.length, x_.data(), g.taps(), p_.offset.data(), gradient);
            }
            if (dx) {
                for (std::size_t phase = 0; phase + 1 < first_.size(); ++phase)
                    correlate(dx_.data() + static_cast<std::int64_t>(phase) * p_.size, p_.size, gradient,
                              first_[phase + 1] - first_[phase], weights_.data() + first_[phase],
                              back_.data() + first_[phase], T(0));
                p_.drain(dx_.data(), {dx.data + plane * g.in_plane(), dx.accumulate});
            }
        }
        if (dw)
            for (std::int64_t t = 0; t < g.taps(); ++t) {
                T& to = dw.data[channel * g.taps() + t];
                to = sums_[static_cast<std::size_t>(t)].sum() + (dw.accumulate ? to : T(0));
            }
    }

private:
    const PhasePlanes<T>& p_;
    PoolVector<std::int64_t> back_, order_, first_;
    PoolVector<T> weights_;
    Tensor<T> x_, dx_, g_;
    PoolVector<Pack<T>> sums_;
};

}  // namespace cpu

/// y = conv(x, w) + bias (null: none), channel by channel.
template <class T>
void depthwise_forward(Cpu, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
    const cpu::PhasePlanes<T> planes(g);
    count_launch();
    parallel_ranges(g.in, cpu::channels_per_task(g), [&](std::int64_t begin, std::int64_t end) {
        const auto in = Tensor<T>::zeros({planes.buffer()}), out = Tensor<T>::empty({planes.buffer()});
        for (std::int64_t image = 0; image < g.batch; ++image)
            for (std::int64_t channel = begin; channel < end; ++channel) {
                const std::int64_t plane = image * g.in + channel;
                planes.fill(x + plane * g.in_plane(), in.data());
                cpu::correlate(out.data(), planes.length, in.data(), g.taps(), w + channel * g.taps(),
                               planes.offset.data(), bias ? bias[channel] : T(0));
                for (std::int64_t v = 0; v < g.out_height; ++v)
                    cpu::copy_short(out.data() + v * planes.pitch, g.out_width,
                                    y + plane * g.out_plane() + v * g.out_width);
            }
    });
}

/// The gradients of x and w in one pass; an empty target is not computed.
template <class T>
void depthwise_backward(Cpu, const ConvGeometry& g, const T* x, const T* w, const T* grad,
                        const GradientTarget<T>& dx, const GradientTarget<T>& dw) {
    const cpu::PhasePlanes<T> planes(g);
    count_launch();
    parallel_ranges(g.in, cpu::channels_per_task(g), [&](std::int64_t begin, std::int64_t end) {
        cpu::DepthwiseBackward<T> backward(planes);
        for (std::int64_t channel = begin; channel < end; ++channel)
            backward.run(channel, x, w, grad, dx, dw);
    });
}

}  // namespace lafs::inline LAFS_ABI
