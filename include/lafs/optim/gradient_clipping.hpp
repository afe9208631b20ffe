// Norms of gradients, clipping, and scaling for gradient accumulation.
//
// Norms are L2, summed in double in an order fixed by the shapes: the same bits for any number of threads.
// Parameters without a gradient count as zero. All functions give the norm over all parameters before
// anything was changed. When a gradient holds NaN or infinity that norm is not finite and nothing is changed:
// the trainer has to look at it, and stop or leave the step out.
#pragma once

#include <cmath>
#include <lafs/autograd/expression.hpp>
#include <lafs/backend/cpu/optimizer_step.hpp>
#include <lafs/optim/parameter_groups.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Squared norm of each parameter's gradient.
template <class T, class D>
PoolVector<double> squared_gradient_norms(const NamedParameters<T, D>& parameters) {
    PoolVector<SquaresOf<T>> gradients(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (const Tensor<T, D>& gradient = parameters[i].second.grad(); gradient.defined())
            gradients[i] = {gradient.size(), gradient.data()};
    PoolVector<double> sums(parameters.size());
    sums_of_squares(D{}, std::span<const SquaresOf<T>>(gradients), std::span<double>(sums));
    return sums;
}

inline double norm_of(const PoolVector<double>& squares) {
    double sum = 0;
    for (const double square : squares)
        sum += square;
    return std::sqrt(sum);
}

template <class T, class D>
void scale_gradient(const Variable<T, D>& parameter, double factor) {
    const Tensor<T, D>& gradient = parameter.grad();
    if (!gradient.defined())
        return;
    using Scaled = Apply<Multiply, In<0>, Scalar<0>>;
    map(D{}, Scaled{}, gradient.view(), Bound<Scaled, T, T>{{gradient.view()}, {static_cast<T>(factor)}});
}

/// What a gradient of this norm is multiplied by; the published guard against a norm of 0.
inline double clip_factor(double norm, double max_norm) {
    return max_norm / (norm + 1e-6);
}

inline void require_max_norm(const char* operation, double max_norm) {
    require(max_norm > 0 && std::isfinite(max_norm), operation, "got largest norm ", max_norm,
            ", expected a number above 0");
}

}  // namespace detail

/// The norm over all gradients.
template <class T, class D>
double gradient_norm(const NamedParameters<T, D>& parameters) {
    return detail::norm_of(detail::squared_gradient_norms(parameters));
}

/// Clips the gradient of every parameter on its own to `max_norm`, as DINO does: each is multiplied by
/// max_norm / (norm + 1e-6) where that is below 1. Returns the norm over all gradients before.
template <class T, class D>
double clip_each(const NamedParameters<T, D>& parameters, double max_norm) {
    detail::require_max_norm("clip_each", max_norm);
    const PoolVector<double> squares = detail::squared_gradient_norms(parameters);
    const double norm = detail::norm_of(squares);
    if (!std::isfinite(norm))
        return norm;
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (const double factor = detail::clip_factor(std::sqrt(squares[i]), max_norm); factor < 1)
            detail::scale_gradient(parameters[i].second, factor);
    return norm;
}

/// Multiplies every gradient by `factor`: after n backward passes, 1 / n makes sums of gradients their mean.
template <class T, class D>
void scale_gradients(const NamedParameters<T, D>& parameters, double factor) {
    require(std::isfinite(factor), "scale_gradients", "got factor ", factor, ", expected a finite number");
    for (const auto& [name, parameter] : parameters)
        detail::scale_gradient(parameter, factor);
}

/// Clips all gradients together to `max_norm`, as torch.nn.utils.clip_grad_norm_: all are multiplied by
/// max_norm / (norm + 1e-6) where that is below 1. Returns the norm before.
template <class T, class D>
double clip_global(const NamedParameters<T, D>& parameters, double max_norm) {
    detail::require_max_norm("clip_global", max_norm);
    const double norm = gradient_norm(parameters);
    if (const double factor = detail::clip_factor(norm, max_norm); std::isfinite(norm) && factor < 1)
        scale_gradients(parameters, factor);
    return norm;
}

}  // namespace lafs::inline LAFS_ABI
