// Dropout (Srivastava et al., JMLR 2014) whose mask is drawn again in the backward pass instead of stored.
//
// Each call takes one stream of default_generator(); (seed, stream) is all that is kept. An activation in
// front, stochastic depth and a residual behind are fused into the same pass.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/dropout.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
inline void require_probability(const char* operation, double p) {
    require(p >= 0 && p < 1, operation, "got probability ", p, ", expected 0 <= p < 1");
}

/// A mask with the next stream, or one that keeps everything when there is nothing to drop.
inline DropoutMask draw_dropout(const char* operation, double p, bool training) {
    require_probability(operation, p);
    if (!training || p == 0)
        return {};
    Generator& generator = default_generator();
    return {generator.seed, generator.take(),
            static_cast<std::uint32_t>(std::min(65535.0, std::floor(p * 65536.0 + 0.5)))};
}

/// One factor a sample: 0 with probability p, else 1 / (1 - p). Undefined when nothing is dropped.
template <class T, class D>
Tensor<compute_t<T>, D> draw_depth(const char* operation, std::int64_t samples, double p, bool training) {
    require_probability(operation, p);
    if (!training || p == 0)
        return {};
    auto factors = Tensor<compute_t<T>, D>::empty({samples});
    draw_sample_factors(D{}, samples, p, default_generator().take_stream(), factors.data());
    return factors;
}

/// mask * factor of the sample * Op(x) [+ residual].
template <class Op, class T, class D>
Variable<T, D> dropout_function(const Variable<T, D>& x, const Variable<T, D>& residual,
                                const DropoutMask& mask, const Tensor<compute_t<T>, D>& factors) {
    const std::int64_t n = x.value().size();
    const auto samples = [n](const Tensor<compute_t<T>, D>& f) {
        return f.defined() ? SampleScale<compute_t<T>>{f.data(), std::max<std::int64_t>(1, n / f.size())}
                           : SampleScale<compute_t<T>>{};
    };
    auto y = Tensor<T, D>::empty(x.shape());
    dropout_forward(D{}, Op{}, mask, samples(factors), n, x.data(),
                    residual.defined() ? residual.data() : nullptr, y.data());
    return record(y, {x, residual}, [=](const Tensor<T, D>& g) {
        if (const GradientTarget<T> dx = x.gradient_target())
            dropout_backward(D{}, Op{}, mask, samples(factors), n, x.data(), g.data(), dx);
        if (residual.requires_grad())
            accumulate(residual, g);
    });
}
}  // namespace detail

/// In training, each element is 0 with probability p (rounded to a multiple of 2^-16), else divided by
/// 1 - p; otherwise x itself. Throws unless 0 <= p < 1.
template <class T, class D>
Variable<T, D> dropout(const Variable<T, D>& x, double p, bool training = true) {
    const DropoutMask mask = detail::draw_dropout("dropout", p, training);
    return mask.threshold == 0 ? x : detail::dropout_function<Identity, T, D>(x, {}, mask, {});
}

/// dropout(Op(x)) in one pass; Op is an element-wise operation of one operand, e.g. Gelu.
template <class Op, class T, class D>
Variable<T, D> dropout_of(const Variable<T, D>& x, double p, bool training = true) {
    return detail::dropout_function<Op, T, D>(x, {}, detail::draw_dropout("dropout", p, training), {});
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto dropout(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return dropout(v, options...); }, x);
}
template <class Op, class X>
requires VariableOperands<X>
auto dropout_of(const X& x, double p, bool training = true) {
    return detail::over_variables([=](const auto& v) { return dropout_of<Op>(v, p, training); }, x);
}

}  // namespace lafs::inline LAFS_ABI
