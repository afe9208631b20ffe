// Norms of gradients, clipping, and scaling for gradient accumulation.
//
// Norms are L2, summed in double in an order fixed by the shapes: the same bits for any number of threads.
// Parameters without a gradient count as zero. All functions give the norm over all parameters before
// anything was changed, as a number of shape () that stays on the device: `item()` reads it, and waits there.
// When a gradient holds NaN or infinity that norm is not finite and nothing is changed; given to
// `Optimizer::step` as its guard, it stops that too. The trainer has to read it in the end, and stop.
#pragma once

#include <cmath>
#include <lafs/backend/cpu/optimizer_step.hpp>
#include <lafs/optim/parameter_groups.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// On the device: the squared norm of each parameter's gradient, and the norm over all.
template <class D>
struct GradientNorms {
    Tensor<double, D> squares, norm;
};

template <class T, class D>
GradientNorms<D> gradient_norms(const NamedParameters<T, D>& parameters) {
    PoolVector<SquaresOf<T>> gradients(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (const Tensor<T, D>& gradient = parameters[i].second.grad(); gradient.defined())
            gradients[i] = {gradient.size(), gradient.data(), nullptr, 1};
    GradientNorms<D> norms{Tensor<double, D>::empty({static_cast<std::int64_t>(parameters.size())}),
                           Tensor<double, D>::empty(Shape{})};
    sums_of_squares(D{}, std::span<const SquaresOf<T>>(gradients), norms.squares.data(), norms.norm.data());
    return norms;
}

/// One pass over all gradients; `update(i)` is what happens to that of the i-th parameter.
template <class Update, class T, class D, class Numbers>
void update_gradients(const NamedParameters<T, D>& parameters, const double* guard, const Numbers& update) {
    PoolVector<StepOf<Update, T>> steps;
    steps.reserve(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (const Tensor<T, D>& gradient = parameters[i].second.grad(); gradient.defined())
            steps.push_back({update(i), gradient.size(), gradient.data(), gradient.data(), nullptr, {}});
    optimizer_step(D{}, std::span<const StepOf<Update, T>>(steps), guard);
}

template <class T, class D>
Tensor<double, D> clip(const char* operation, const NamedParameters<T, D>& parameters, double max_norm,
                       bool each) {
    require(max_norm > 0 && std::isfinite(max_norm), operation, "got largest norm ", max_norm,
            ", expected a number above 0");
    using Update = ClipUpdate<compute_t<T>>;
    const GradientNorms<D> norms = gradient_norms(parameters);
    update_gradients<Update>(parameters, norms.norm.data(), [&](std::size_t i) {
        return Update{norms.norm.data(), each ? norms.squares.data() + i : nullptr, max_norm};
    });
    return norms.norm;
}

}  // namespace detail

/// The norm over all gradients.
template <class T, class D>
Tensor<double, D> gradient_norm(const NamedParameters<T, D>& parameters) {
    return detail::gradient_norms(parameters).norm;
}

/// Clips the gradient of every parameter on its own to `max_norm`, as DINO does: each is multiplied by
/// max_norm / (norm + 1e-6) where that is below 1. Returns the norm over all gradients before.
template <class T, class D>
Tensor<double, D> clip_each(const NamedParameters<T, D>& parameters, double max_norm) {
    return detail::clip("clip_each", parameters, max_norm, true);
}

/// Clips all gradients together to `max_norm`, as torch.nn.utils.clip_grad_norm_: all are multiplied by
/// max_norm / (norm + 1e-6) where that is below 1. Returns the norm before.
template <class T, class D>
Tensor<double, D> clip_global(const NamedParameters<T, D>& parameters, double max_norm) {
    return detail::clip("clip_global", parameters, max_norm, false);
}

/// Multiplies every gradient by `factor`: after n backward passes, 1 / n makes sums of gradients their mean.
template <class T, class D>
void scale_gradients(const NamedParameters<T, D>& parameters, double factor) {
    require(std::isfinite(factor), "scale_gradients", "got factor ", factor, ", expected a finite number");
    using Update = ScaleUpdate<compute_t<T>>;
    detail::update_gradients<Update>(parameters, nullptr,
                                     [&](std::size_t) { return Update{static_cast<compute_t<T>>(factor)}; });
}

}  // namespace lafs::inline LAFS_ABI
