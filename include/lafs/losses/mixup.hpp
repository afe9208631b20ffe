// Mixup of a batch (Zhang et al., arXiv 1710.09412): sample i is mixed with sample B - 1 - i,
//
//   image = lambda x_i + (1 - lambda) x_{B-1-i},   label = lambda onehot(y_i) + (1 - lambda)
//   onehot(y_{B-1-i}),
//
// with one lambda for the batch, drawn from Beta(alpha, alpha).
#pragma once

#include <cmath>
#include <concepts>
#include <lafs/backend/cpu/label_product.hpp>
#include <lafs/core/random.hpp>
#include <lafs/expr/functions.hpp>
#include <lafs/losses/cross_entropy.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// A Gamma(shape, 1) number (Marsaglia & Tsang, "A simple method for generating gamma variables", 2000).
inline double draw_gamma(RandomSequence& random, double shape) {
    if (shape < 1.0)  // Gamma(a) = Gamma(a + 1) U^(1/a)
        return draw_gamma(random, shape + 1.0) * std::pow(1.0 - random.uniform(), 1.0 / shape);
    const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
    for (;;) {
        const double x = random.normal(), t = 1.0 + c * x, v = t * t * t;
        if (v > 0.0 && std::log(1.0 - random.uniform()) < 0.5 * x * x + d * (1.0 - v + std::log(v)))
            return d * v;
    }
}

/// A view of x with its first axis reversed.
template <class T>
View<T> reversed(View<T> x) {
    if (x.shape.size() > 0)
        x.data += (x.shape[0] - 1) * x.stride[0];
    x.stride[0] = -x.stride[0];
    return x;
}

/// lambda x_i + (1 - lambda) x_{B-1-i}.
template <std::floating_point T, class D>
Tensor<T, D> mix_with_reverse(const Tensor<T, D>& x, double lambda) {
    return x * lambda + on<D>(reversed(x.view())) * (1.0 - lambda);
}

inline void check_lambda(double lambda) {
    require(lambda >= 0.0 && lambda <= 1.0, "mixup", "got lambda ", lambda, ", expected 0 .. 1");
}
}  // namespace detail

/// A lambda from Beta(alpha, alpha). Throws unless alpha is above 0.
inline double draw_mixup_lambda(RandomSequence& random, double alpha) {
    require(alpha > 0.0 && std::isfinite(alpha), "mixup", "got alpha ", alpha, ", expected a number above 0");
    const double a = detail::draw_gamma(random, alpha), b = detail::draw_gamma(random, alpha);
    return a + b > 0.0 ? a / (a + b) : 0.5;  // both vanish for a tiny alpha
}

/// Mixed images: (B, ...) -> (B, ...). Throws unless lambda is within 0 .. 1.
template <std::floating_point T, class D>
Tensor<T, D> mixup_images(const Tensor<T, D>& images, double lambda) {
    detail::check_lambda(lambda);
    require(images.rank() >= 1, "mixup", "got images of shape ", images.shape(), ", expected (batch, ...)");
    return detail::mix_with_reverse(images, lambda);
}

/// Soft labels of mixed images: labels (B) -> (B, classes). On the CPU throws for labels outside 0 .. classes
/// - 1; elsewhere such a label gives nothing to its row.
template <std::floating_point T, class D>
Tensor<T, D> mixup_labels(const Tensor<std::int64_t, D>& labels, std::int64_t classes, double lambda) {
    detail::check_lambda(lambda);
    require(labels.rank() == 1, "mixup", "got labels of shape ", labels.shape(), ", expected (batch,)");
    detail::check_labels(labels, labels.size(), classes, "mixup");
    const std::int64_t batch = labels.size();
    auto targets = Tensor<T, D>::zeros({batch, classes});
    if (batch == 0)
        return targets;
    const std::int64_t* last = labels.data() + batch - 1;
    add_at_labels(D{}, batch, classes, targets.data(), labels.data(), 1, static_cast<T>(lambda));
    add_at_labels(D{}, batch, classes, targets.data(), last, -1, static_cast<T>(1.0 - lambda));
    return targets;
}

}  // namespace lafs::inline LAFS_ABI
