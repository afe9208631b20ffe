// Triplet loss (Schroff et al., "FaceNet", arXiv 1503.03832), as torch.nn.TripletMarginLoss:
//
//   mean over rows of  max(d(anchor, positive) - d(anchor, negative) + margin, 0),
//   d(a, b) = |a - b + 1e-6|,  Euclidean
#pragma once

#include <lafs/autograd/reductions.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// The distance of rows (..., n) -> (...). What is added keeps the derivative finite where rows are equal.
template <class T, class D>
Variable<T, D> row_distance(const Variable<T, D>& a, const Variable<T, D>& b) {
    const Variable<T, D> squares = square(a - b + 1e-6);
    return sqrt(sum(squares, -1));
}
}  // namespace detail

/// Three variables (B, n), or of any one shape with rows along the last axis -> scalar. Nothing is normalised:
/// for faces give `l2_normalize` of the embeddings. Throws when the shapes differ or the margin is negative.
template <std::floating_point T, class D>
Variable<T, D> triplet_loss(const Variable<T, D>& anchor, const Variable<T, D>& positive,
                            const Variable<T, D>& negative, double margin = 1.0) {
    require(anchor.shape().rank() >= 1 && anchor.shape() == positive.shape() &&
                anchor.shape() == negative.shape(),
            "triplet_loss", "got anchors ", anchor.shape(), ", positives ", positive.shape(),
            " and negatives ", negative.shape(), ", expected one shape");
    require(margin >= 0, "triplet_loss", "got margin ", margin, ", expected at least 0");
    const Variable<T, D> near = detail::row_distance(anchor, positive),
                         far = detail::row_distance(anchor, negative);
    return mean(Variable<T, D>(relu(near - far + margin)));
}

}  // namespace lafs::inline LAFS_ABI
