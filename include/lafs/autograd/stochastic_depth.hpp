// Stochastic depth (Huang et al., ECCV 2016): in training, the branch of a residual block is dropped for
// whole samples. Drawn from the counter-based generator; one number a sample is kept.
#pragma once

#include <lafs/autograd/dropout.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T, class D>
std::int64_t samples_of(const Variable<T, D>& x, const char* operation) {
    require(x.shape().rank() >= 1, operation, "got shape ", x.shape(), ", expected (samples, ...)");
    return x.shape(0);
}
}  // namespace detail

/// In training, each sample of x (B, ...) is 0 with probability p, else divided by 1 - p; otherwise x itself.
/// Throws unless 0 <= p < 1.
template <class T, class D>
Variable<T, D> stochastic_depth(const Variable<T, D>& x, double p, bool training = true) {
    const auto factors =
        detail::draw_depth<T, D>("stochastic_depth", detail::samples_of(x, "stochastic_depth"), p, training);
    return factors.defined() ? detail::dropout_function<Identity, T, D>(x, {}, {}, factors) : x;
}

/// x + stochastic_depth(dropout(branch, drop), depth) in one pass, the end of a transformer's branch.
/// Throws when the shapes differ or a probability is outside [0, 1).
template <class T, class D>
Variable<T, D> add_branch(const Variable<T, D>& x, const Variable<T, D>& branch, double drop, double depth,
                          bool training = true) {
    require(x.shape() == branch.shape(), "add_branch", "got ", x.shape(), " and a branch of ", branch.shape(),
            ", expected equal shapes");
    const DropoutMask mask = detail::draw_dropout("add_branch", drop, training);
    const auto factors =
        detail::draw_depth<T, D>("add_branch", detail::samples_of(x, "add_branch"), depth, training);
    return detail::dropout_function<Identity, T, D>(branch, x, mask, factors);
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto stochastic_depth(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return stochastic_depth(v, options...); }, x);
}
template <class X, class B>
requires VariableOperands<X, B>
auto add_branch(const X& x, const B& branch, double drop, double depth, bool training = true) {
    return detail::over_variables(
        [=](const auto& v, const auto& b) { return add_branch(v, b, drop, depth, training); }, x, branch);
}

}  // namespace lafs::inline LAFS_ABI
