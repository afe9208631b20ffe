// Row programs of cross entropy with softmax, for one row x of logits (see primitives/row.hpp), and
// contract:
//
//   hard label l:   loss = L - x_l,                dx = (exp(x - L) - [l]) g
//   with smoothing e:  [l] and x_l become (1 - e) [l] + e / n and (1 - e) x_l + e mean x
//   soft label t:   loss = L sum t - sum t x,      dx = (exp(x - L) sum t - t) g
//
// with L = log sum exp x. The forward pass keeps L and sum t; nothing of the row's length is stored.
//
// A backend overloads, for its device, over x (rows, n), labels (rows), targets (rows, n); loss, log_sums and
// weights are (rows):
//   cross_entropy_forward(D, rows, n, x, labels, smoothing, loss, log_sums)      loss =, log_sums = L
//   cross_entropy_backward(D, rows, n, x, labels, smoothing, log_sums, gradient, dx)  dx = or +=
//   soft_cross_entropy_forward(D, rows, n, x, targets, loss, log_sums, weights)  as well weights = sum t
//   soft_cross_entropy_backward(D, rows, n, x, targets, log_sums, weights, gradient, dx)
// `smoothing` is a number of the host; `gradient` points to one in the device's memory, the gradient of the
// mean of the rows' losses. A label outside 0 .. n - 1 makes its row's loss NaN.
#pragma once

#include <lafs/primitives/row.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// The gradient of one row's loss, from that of the mean.
template <class T>
LAFS_HOST_DEVICE T row_loss_gradient(std::int64_t rows, T gradient) {
    return gradient / static_cast<T>(rows);
}

/// log sum exp of a row.
template <class Lanes, class T>
LAFS_HOST_DEVICE auto log_sum_exp(const Lanes& lanes, std::int64_t n, const T* x) {
    const auto largest = lanes.max(n, [&](auto at) { return at(x); });
    const auto shift = lanes.value(largest);
    return largest + log(lanes.sum(n, [&](auto at) { return exp(at(x) - shift); }));
}

/// Cross entropy with the number of the right class.
struct HardCrossEntropyRow {
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, std::int64_t label,
                                         T smoothing, T* loss, T* log_sum) {
        const auto total = log_sum_exp(lanes, n, x);
        const T share = smoothing > T(0)
                            ? smoothing / static_cast<T>(n) * lanes.sum(n, [&](auto at) { return at(x); })
                            : T(0);
        lanes.once([&] {
            const bool within = label >= 0 && label < n;
            *loss = !within            ? T(NAN)
                    : smoothing > T(0) ? total - ((1 - smoothing) * x[label] + share)
                                       : total - x[label];
            *log_sum = total;
        });
    }

    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* x, std::int64_t label,
                                          T smoothing, T log_sum, T gradient, const GradientTarget<T>& dx) {
        const auto shift = lanes.value(log_sum), scale = lanes.value(gradient),
                   of_label = lanes.value((1 - smoothing) * gradient),
                   of_all = lanes.value(smoothing / static_cast<T>(n) * gradient);
        lanes.each(n, [&](auto at) {
            const auto hard = exp(at(x) - shift) * scale;
            const auto y = smoothing > T(0) ? hard - of_all : hard;
            const auto sum = dx.accumulate ? at(dx.data) + y : y;
            at.store(dx.data, select(at.is(label), sum - of_label, sum));
        });
    }
};

/// Cross entropy with weights of all classes.
struct SoftCrossEntropyRow {
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, std::int64_t n, const T* x, const T* target,
                                         T* loss, T* log_sum, T* weight) {
        const auto total = log_sum_exp(lanes, n, x);
        const auto sum = lanes.sum(n, [&](auto at) { return at(target); });
        const auto inner = lanes.sum(n, [&](auto at) { return at(target) * at(x); });
        lanes.once([&] {
            *loss = total * sum - inner;
            *log_sum = total;
            *weight = sum;
        });
    }

    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, std::int64_t n, const T* x, const T* target,
                                          T log_sum, T weight, T gradient, const GradientTarget<T>& dx) {
        const auto shift = lanes.value(log_sum), sum = lanes.value(weight), scale = lanes.value(gradient);
        lanes.each(n, [&](auto at) { at.put(dx, (exp(at(x) - shift) * sum - at(target)) * scale); });
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
