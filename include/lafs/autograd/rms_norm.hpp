// Differentiable root-mean-square normalisation (formula: primitives/rms_norm.hpp).
#pragma once

#include <lafs/autograd/row_functions.hpp>
#include <lafs/backend/cpu/rms_norm.hpp>

namespace lafs::inline LAFS_ABI {

/// x / sqrt(mean x^2 + epsilon) * gain over the last axis; the gain has its length.
template <class T, class D>
Variable<T, D> rms_norm(const Variable<T, D>& x, const Variable<T, D>& gain, compute_t<T> epsilon) {
    using C = compute_t<T>;
    const detail::Rows rows = detail::rows_of(x.shape(), "rms_norm");
    require(gain.shape() == Shape{rows.length}, "rms_norm", "got gain ", gain.shape(), " for ", x.shape(),
            ", expected ", Shape{rows.length});
    const auto y = Tensor<T, D>::empty(x.shape());
    const auto inverse_rms = Tensor<C, D>::empty({rows.count});
    rms_norm_forward(D{}, rows.count, rows.length, x.data(), gain.data(), epsilon, y.data(),
                     inverse_rms.data());
    return record(y, {x, gain}, [=](const Tensor<T, D>& g) {
        rms_norm_backward(D{}, rows.count, rows.length, x.data(), gain.data(), g.data(), inverse_rms.data(),
                          x.gradient_target(), gain.gradient_target());
    });
}

}  // namespace lafs::inline LAFS_ABI
