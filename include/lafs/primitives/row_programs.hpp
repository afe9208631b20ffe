// Row programs: softmax, log-softmax, layer norm, L2 normalise, each written once for every device.
//
// A program sees one row of `n` elements through `lanes`, the executor of a backend (packs on the CPU, the
// threads of a block on the GPU):
//   lanes.sum(n, f), lanes.max(n, f)   reduce f(at) over the row to one number;
//   lanes.each(n, f)                   run f(at) over the row;
//   at(p)                              loads this lane's elements of the row p points to; at.store(p, v)
//   writes them; at.put(target, v)                  writes or adds to a gradient row.
// `lanes.value(x)` turns a number into the lanes' value type. Gradients go to GradientRow: add when it
// accumulates.
#pragma once

#include <lafs/expr/math.hpp>
#include <lafs/primitives/gradient_target.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// y = exp(x - max x) / sum exp(x - max x).
struct SoftmaxRow {
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, T* y) {
        const auto largest = lanes.value(lanes.max(n, [&](auto at) { return at(x); }));
        const auto total = lanes.sum(n, [&](auto at) {
            const auto e = exp(at(x) - largest);
            at.store(y, e);
            return e;
        });
        const auto scale = lanes.value(1 / total);
        lanes.each(n, [&](auto at) { at.store(y, at(y) * scale); });
    }

    /// dx = y (g - sum g y).
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* y, const T* g,
                                          const GradientTarget<T>& dx) {
        const auto inner = lanes.value(lanes.sum(n, [&](auto at) { return at(g) * at(y); }));
        lanes.each(n, [&](auto at) { at.put(dx, at(y) * (at(g) - inner)); });
    }
};

/// y = x - max x - log sum exp(x - max x).
struct LogSoftmaxRow {
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, T* y) {
        const auto shift = lanes.value(lanes.max(n, [&](auto at) { return at(x); }));
        const auto offset = lanes.value(log(lanes.sum(n, [&](auto at) { return exp(at(x) - shift); })));
        lanes.each(n, [&](auto at) { at.store(y, at(x) - shift - offset); });
    }

    /// dx = g - exp(y) sum g.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* y, const T* g,
                                          const GradientTarget<T>& dx) {
        const auto total = lanes.value(lanes.sum(n, [&](auto at) { return at(g); }));
        lanes.each(n, [&](auto at) { at.put(dx, at(g) - exp(at(y)) * total); });
    }
};

/// y = x / max(||x||, 1e-12), as in torch.nn.functional.normalize.
struct NormalizeRow {
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, T* y) {
        const auto scale = lanes.value(inverse_norm(lanes, n, x));
        lanes.each(n, [&](auto at) { at.store(y, at(x) * scale); });
    }

    /// dx = (g - y sum g y) / ||x||.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* x, const T* y,
                                          const T* g, const GradientTarget<T>& dx) {
        const auto scale = lanes.value(inverse_norm(lanes, n, x));
        const auto inner = lanes.value(lanes.sum(n, [&](auto at) { return at(g) * at(y); }));
        lanes.each(n, [&](auto at) { at.put(dx, (at(g) - at(y) * inner) * scale); });
    }

private:
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static auto inverse_norm(const Lanes& lanes, std::int64_t n, const T* x) {
        const auto norm = sqrt(lanes.sum(n, [&](auto at) {
            const auto v = at(x);
            return v * v;
        }));
        using Number = decltype(norm + 0);
        return 1 / maximum(norm, Number(1e-12));
    }
};

/// y = (x - mean) / sqrt(variance + epsilon) * gain + bias (Ba et al., arXiv 1607.06450). Keeps the row's
/// mean and inverse deviation for the backward pass.
struct LayerNormRow {
    template <class Lanes, class T, class Number>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, const T* gain,
                                         const T* bias, Number epsilon, T* y, Number* mean,
                                         Number* inverse_deviation) {
        const Number m = lanes.sum(n, [&](auto at) { return at(x); }) / static_cast<Number>(n);
        const auto shift = lanes.value(m);
        const Number variance = lanes.sum(n, [&](auto at) {
            const auto d = at(x) - shift;
            return d * d;
        }) / static_cast<Number>(n);
        const Number r = 1 / sqrt(variance + epsilon);
        const auto scale = lanes.value(r);
        lanes.each(n, [&](auto at) { at.store(y, (at(x) - shift) * scale * at(gain) + at(bias)); });
        lanes.once([&] {
            *mean = m;
            *inverse_deviation = r;
        });
    }

    /// With h = (x - mean) r and p = g gain: dx = r (p - mean(p) - h mean(p h)); the row's g h and g are
    /// added to the partial sums of the gradients of gain and bias (null when not wanted).
    template <class Lanes, class T, class Number>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* x, const T* gain,
                                          const T* g, Number mean, Number inverse_deviation,
                                          const GradientTarget<T>& dx, Number* gain_sums, Number* bias_sums) {
        const auto shift = lanes.value(mean), scale = lanes.value(inverse_deviation);
        const auto count = static_cast<Number>(n);
        const auto p_mean = lanes.value(lanes.sum(n, [&](auto at) { return at(g) * at(gain); }) / count);
        const auto ph_mean = lanes.value(
            lanes.sum(n, [&](auto at) { return at(g) * at(gain) * ((at(x) - shift) * scale); }) / count);
        lanes.each(n, [&](auto at) {
            const auto h = (at(x) - shift) * scale, gradient = at(g);
            if (dx)
                at.put(dx, (gradient * at(gain) - p_mean - h * ph_mean) * scale);
            if (gain_sums)
                at.put(GradientTarget<Number>{gain_sums, true}, gradient * h);
            if (bias_sums)
                at.put(GradientTarget<Number>{bias_sums, true}, gradient);
        });
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
