// Differentiable batch normalisation, with an element-wise operation fused behind it.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/batch_norm.hpp>

namespace lafs::inline LAFS_ABI {

/// Statistics of past batches, (channels,) each; shared handles.
template <class T, class D>
struct RunningStatistics {
    Tensor<T, D> mean, variance;
};

struct BatchNormOptions {
    bool training = true;
    double momentum = 0.1;  ///< weight of the newest batch in the running statistics
    double epsilon = 1e-5;
};

namespace detail {
/// running <- (1 - momentum) running + momentum * scale * statistic.
template <class T, class D>
void update_running(const Tensor<T, D>& running, const Tensor<T, D>& statistic, double momentum,
                    double scale) {
    assign(running.view(), running * (1.0 - momentum) + statistic * (momentum * scale));
}

template <class T, class D>
ChannelSizes batch_norm_sizes(const Variable<T, D>& x, const Variable<T, D>& gain, const Variable<T, D>& bias,
                              const RunningStatistics<T, D>& running) {
    const Shape& shape = x.shape();
    require(shape.rank() >= 2, "batch_norm", "got input ", shape, ", expected (batch, channels, ...)");
    const Shape expected{shape[1]};
    for (const Shape& s : {gain.shape(), bias.shape(), running.mean.shape(), running.variance.shape()})
        require(s == expected, "batch_norm", "input ", shape,
                " with parameters or running statistics of shape ", s, ", expected ", expected);
    return {shape[0], shape[1], shape.size_between(2, shape.rank())};
}
}  // namespace detail

/// y = Op(gain (x - mean) / sqrt(variance + epsilon) + bias) per channel of x (batch, channels, ...).
/// In training mode with the statistics of x, which also move the running ones (the variance there is the
/// unbiased one, as in PyTorch); else with the running statistics. Throws when shapes do not fit, or in
/// training mode for less than two values a channel.
template <class Op = Identity, class T, class D>
Variable<T, D> batch_norm(const Variable<T, D>& x, const Variable<T, D>& gain, const Variable<T, D>& bias,
                          const RunningStatistics<T, D>& running, const BatchNormOptions& options = {}) {
    const ChannelSizes sizes = detail::batch_norm_sizes(x, gain, bias, running);
    const auto y = Tensor<T, D>::empty(x.shape());
    Tensor<T, D> mean, inverse_deviation;
    if (options.training) {
        require(sizes.count() > 1, "batch_norm", "input ", x.shape(), " has ", sizes.count(),
                " values a channel, expected at least 2 in training mode");
        mean = Tensor<T, D>::empty({sizes.channels});
        inverse_deviation = Tensor<T, D>::empty({sizes.channels});
        const auto variance = Tensor<T, D>::empty({sizes.channels});
        batch_norm_training(D{}, Op{}, sizes, x.data(), gain.data(), bias.data(), options.epsilon, y.data(),
                            ChannelStatistics<T>{mean.data(), variance.data(), inverse_deviation.data()});
        const auto count = static_cast<double>(sizes.count());
        detail::update_running(running.mean, mean, options.momentum, 1.0);
        detail::update_running(running.variance, variance, options.momentum, count / (count - 1));
    } else {
        mean = running.mean.clone();  // the running statistics may move before the backward pass
        inverse_deviation = rsqrt(running.variance + options.epsilon).eval();
        batch_norm_evaluation(D{}, Op{}, sizes, x.data(), gain.data(), bias.data(), mean.data(),
                              inverse_deviation.data(), y.data());
    }
    return record(y, {x, gain, bias}, [=, training = options.training](const Tensor<T, D>& g) {
        const GradientTarget<T> dx = x.gradient_target(), dgain = gain.gradient_target(),
                                dbias = bias.gradient_target();
        batch_norm_backward(D{}, Op{}, sizes, training, x.data(), g.data(), gain.data(), bias.data(),
                            mean.data(), inverse_deviation.data(), dx, dgain, dbias);
    });
}

/// The same for expressions and tensors (autograd/operands.hpp).
template <class Op = Identity, class X, class G, class B>
requires VariableOperands<X, G, B>
auto batch_norm(const X& x, const G& gain, const B& bias,
                const RunningStatistics<detail::element_of<X>, detail::device_of<X>>& running,
                const BatchNormOptions& options = {}) {
    return detail::over_variables([&](const auto& v, const auto& g,
                                      const auto& b) { return batch_norm<Op>(v, g, b, running, options); },
                                  x, gain, bias);
}

}  // namespace lafs::inline LAFS_ABI
