// Keeps a landmark CNN that is trained near the frozen one it started from: the mean squared difference of
// their landmarks, with coordinates scaled from pixels to 0 .. 1. LAFS weighs it by epoch, see
// `landmark_regularisation_weight` in optim/schedule.hpp.
#pragma once

#include <lafs/autograd/reductions.hpp>

namespace lafs::inline LAFS_ABI {

/// mean((landmarks - frozen)^2) / 111^2 for pixels of a 112 x 112 image; both (B, N, 2) -> scalar.
/// Throws when the shapes differ.
template <class T, class D>
Variable<T, D> landmark_regularization(const Variable<T, D>& landmarks, const Tensor<T, D>& frozen,
                                       double image_extent = 111.0) {
    require(landmarks.shape() == frozen.shape(), "landmark_regularization", "got landmarks ",
            landmarks.shape(), " and frozen ones ", frozen.shape(), ", expected one shape");
    return mean(Variable<T, D>(square((landmarks - frozen) / image_extent)));
}

}  // namespace lafs::inline LAFS_ABI
