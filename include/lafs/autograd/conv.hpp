// Differentiable two-dimensional convolution (formula and sizes: primitives/convolution.hpp).
#pragma once

#include <lafs/autograd/observer.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/backend/cpu/conv.hpp>
#include <lafs/backend/cpu/depthwise.hpp>

namespace lafs::inline LAFS_ABI {

/// x (batch, in, height, width), weight (out, in / groups, kernel height, kernel width), bias (out,) or
/// undefined -> (batch, out, out height, out width), with options {stride, padding, groups, dilation}. Throws, with both shapes, when they do not fit.
template <class T, class D>
Variable<T, D> conv2d(const Variable<T, D>& x, const Variable<T, D>& weight, const Variable<T, D>& bias = {},
                      const ConvOptions& options = {}) {
    const ConvGeometry g = conv_geometry(x.shape(), weight.shape(), options);
    require(!bias.defined() || bias.shape() == Shape{g.out}, "conv2d", "got bias ",
            bias.defined() ? bias.shape() : Shape{}, ", expected ", Shape{g.out});
    const auto y = Tensor<T, D>::empty(g.out_shape());
    detail::report_product(y.size() * g.depth());
    if (g.depthwise())
        depthwise_forward(D{}, g, x.data(), weight.data(), bias.data(), y.data());
    else
        conv_forward(D{}, g, x.data(), weight.data(), bias.data(), y.data());
    return record(y, {x, weight, bias}, [=](const Tensor<T, D>& gradient) {
        const T* grad = gradient.data();
        const GradientTarget<T> dx = x.gradient_target(), dw = weight.gradient_target();
        if (g.depthwise() && (dx || dw)) {
            depthwise_backward(D{}, g, x.data(), weight.data(), grad, dx, dw);
        } else {
            if (dx)
                conv_input_gradient(D{}, g, weight.data(), grad, dx);
            if (dw)
                conv_weight_gradient(D{}, g, x.data(), grad, dw);
        }
        if (bias.requires_grad()) {
            const auto planes = Tensor<T, D>::empty({g.batch, g.out}), sums = Tensor<T, D>::empty({g.out});
            reduce_sum(D{}, AxisSizes{g.batch * g.out, g.out_plane(), 1}, grad, compute_t<T>(1),
                       planes.data());
            reduce_sum(D{}, AxisSizes{1, g.batch, g.out}, planes.data(), compute_t<T>(1), sums.data());
            accumulate(bias, sums);
        }
    });
}

/// The same for expressions and tensors (autograd/operands.hpp).
template <class X, class W, class B = detail::variable_of<X>>
requires VariableOperands<X, W, B>
auto conv2d(const X& x, const W& weight, const B& bias = {}, const ConvOptions& options = {}) {
    return detail::over_variables(
        [&](const auto& v, const auto& w, const auto& b) { return conv2d(v, w, b, options); }, x, weight,
        bias);
}

}  // namespace lafs::inline LAFS_ABI
