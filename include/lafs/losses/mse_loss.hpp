// Mean squared error, as torch.nn.functional.mse_loss:  mean((prediction - target)^2).
#pragma once

#include <lafs/autograd/reductions.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

/// Prediction and target of one shape -> scalar. The target may be a tensor; a variable gets a gradient, too.
/// Throws when the shapes differ, and when there are no elements.
template <std::floating_point T, class D>
Variable<T, D> mse_loss(const Variable<T, D>& prediction,
                        const std::type_identity_t<Variable<T, D>>& target) {
    require(prediction.shape() == target.shape(), "mse_loss", "got a prediction ", prediction.shape(),
            " and a target ", target.shape(), ", expected one shape");
    return mean(Variable<T, D>(square(prediction - target)));
}

}  // namespace lafs::inline LAFS_ABI
