// Row programs: softmax, log-softmax, layer norm, L2 normalise, each written once for every device; and what
// `lanes` are, through which these and the programs of other headers see a row.
//
// A row is n consecutive elements. A backend runs it with an executor of its own, the lanes: one core's
// packs, or the threads of a warp or a block. All of them call the program, which never asks who they are. C
// is the compute type (float for 16-bit elements), V the lanes' value type: one or some neighbouring elements
// in C, with + - * / and the functions of expr/math.hpp.
//
//   lanes.value(c)          the number c in every lane of a V
//   lanes.each(n, f)        f(at) for all elements of the row, a V at a time
//   lanes.sum(n, f)         the sum over the row of f(at), which is a V: a C that all lanes know, added up in
//                           an order that depends on the row's length and alignment alone
//   lanes.max(n, f)         the largest, alike
//   lanes.once(f)           f(), once: for what there is one of in a row
//   lanes.meet()            what anyone stored before it, everyone sees after it
//
//   at(p)                   these elements of the row at p, as a V
//   at.store(p, v)          writes them
//   at.put(target, v)       writes them or adds to them (primitives/gradient_target.hpp)
//   at.is(index)            1 in the lane of the row's element `index`, else 0
//
// Every pass over n elements deals them out alike, so a program may read through `at` what it stored through
// `at`; whatever else was stored is read after a `meet`. Where n is no multiple of V's width, lanes beyond
// the end hold copies of elements of the row, and count in no sum.
//
// A backend overloads, for its device, over `rows` contiguous rows of n elements:
//   row_forward(D, program, rows, n, x, y)
//       y =, for SoftmaxRow, LogSoftmaxRow, NormalizeRow, MinMaxRow
//   row_backward(D, program, rows, n, saved, g, dx)
//       dx = or +=, for SoftmaxRow and LogSoftmaxRow with y as `saved`, for MinMaxRow with x
//   normalize_backward(D, rows, n, x, y, g, dx)
//       dx = or +=
//   layer_norm_forward(D, rows, n, x, gain, bias, epsilon, y, mean, inverse_deviation)
//       y =; mean and inverse_deviation (rows), in the compute type, =
//   layer_norm_backward(D, rows, n, x, gain, g, mean, inverse_deviation, dx, dgain, dbias)
//       the three targets = or +=, those that are wanted
// `epsilon` is a number of the host.
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
