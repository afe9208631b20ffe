// The row program of root-mean-square normalisation (see primitives/row.hpp), and contract.
//
// A backend overloads, for its device, over `rows` contiguous rows of n elements:
//   rms_norm_forward(D, rows, n, x, gain, epsilon, y, inverse_rms)
//       y =; inverse_rms (rows), in the compute type, =
//   rms_norm_backward(D, rows, n, x, gain, g, inverse_rms, dx, dgain)
//       the two targets = or +=, those that are wanted
// `epsilon` is a number of the host.
#pragma once

#include <lafs/primitives/row.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// y = x / sqrt(mean x^2 + epsilon) * gain (Zhang & Sennrich, arXiv 1910.07467). Keeps the row's inverse root
/// mean square for the backward pass.
struct RmsNormRow {
    template <class Lanes, class T, class Number>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, const T* gain,
                                         Number epsilon, T* y, Number* inverse_rms) {
        const Number squares = lanes.sum(n, [&](auto at) {
            const auto v = at(x);
            return v * v;
        }) / static_cast<Number>(n);
        const Number r = 1 / sqrt(squares + epsilon);
        const auto scale = lanes.value(r);
        lanes.each(n, [&](auto at) { at.store(y, at(x) * scale * at(gain)); });
        lanes.once([&] { *inverse_rms = r; });
    }

    /// With h = x r and p = g gain: dx = r (p - h mean(p h)); the row's g h is added to the partial sums of the
    /// gain's gradient (null when not wanted).
    template <class Lanes, class T, class Number>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* x, const T* gain,
                                          const T* g, Number inverse_rms, const GradientTarget<T>& dx,
                                          Number* gain_sums) {
        const auto scale = lanes.value(inverse_rms);
        const auto ph_mean = lanes.value(lanes.sum(n, [&](auto at) {
            return at(g) * at(gain) * (at(x) * scale);
        }) / static_cast<Number>(n));
        lanes.each(n, [&](auto at) {
            const auto h = at(x) * scale, gradient = at(g);
            if (dx)
                at.put(dx, (gradient * at(gain) - h * ph_mean) * scale);
            if (gain_sums)
                at.put(GradientTarget<Number>{gain_sums, true}, gradient * h);
        });
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
