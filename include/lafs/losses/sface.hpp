// SFace, the sigmoid-constrained hypersphere loss (Zhong, Deng, Hu, Zhao, Li, Wen, IEEE TIP 2021,
// arXiv 2205.12010). With t the angles between a feature and the class weights and y its class:
//
//   loss = -[r_in(t_y)] cos t_y + sum_{j != y} [r_out(t_j)] cos t_j,
//   r_in(t) = s / (1 + exp(-k (t - a))),   r_out(t) = s / (1 + exp(k (t - b))),
//
// averaged over the batch; no gradient flows through the brackets, so that they set the length of a gradient
// along the sphere and the cosine its direction. With soft labels the first term is weighed by t_j, the
// second by 1 - t_j.
#pragma once

#include <cmath>
#include <lafs/losses/margin_head.hpp>

namespace lafs::inline LAFS_ABI {

/// The four numbers of the paper; a and b are angles in radian.
struct SFaceOptions {
    double scale = 64.0, slope = 80.0, inner_angle = 0.87, outer_angle = 1.2;
};

template <class T, class D = Cpu>
class SFace final : public MarginHead<T, D> {
public:
    SFace(std::int64_t features, std::int64_t classes, const SFaceOptions& options = {})
        : MarginHead<T, D>(features, classes, options.scale), options_(options) {}

    /// There is no margin: `logits` are the scaled cosines.
    Variable<T, D> margin(const Variable<T, D>& cosine) const override { return cosine; }

    /// The loss is no cross entropy.
    void smooth_labels(double share) override {
        require(share == 0, "sface", "got label smoothing ", share,
                ", expected 0: this loss has no labels to smooth");
    }

    Variable<T, D> loss(const Variable<T, D>& features,
                        const Tensor<std::int64_t, D>& labels) const override {
        const Variable<T, D> cosine = this->cosines(features);
        const std::int64_t rows = cosine.shape(0), classes = cosine.shape(1);
        detail::check_labels(labels, rows, classes, "sface");
        const auto weights = outer(cosine.value()).eval();
        auto right = Tensor<T, D>::empty({rows});
        const auto* at = labels.data();
        read_at_labels(D{}, rows, classes, cosine.data(), at, right.data());
        right = -inner(right);
        write_at_labels(D{}, rows, classes, weights.data(), at, right.data());
        return weighted_sum(cosine, weights);
    }

    Variable<T, D> loss(const Variable<T, D>& features, const Tensor<T, D>& targets) const override {
        const Variable<T, D> cosine = this->cosines(features);
        this->check_targets(targets.shape(), cosine.shape());
        const Tensor<T, D>& c = cosine.value();
        return weighted_sum(cosine, (1 - targets) * outer(c) - targets * inner(c));
    }

private:
    /// Rounding takes cosines beyond 1.
    static auto angle(const Tensor<T, D>& cosine) { return acos(clamp(cosine, -1, 1)); }
    auto inner(const Tensor<T, D>& cosine) const {
        return sigmoid((angle(cosine) - options_.inner_angle) * options_.slope);
    }
    auto outer(const Tensor<T, D>& cosine) const {
        return sigmoid((options_.outer_angle - angle(cosine)) * options_.slope);
    }

    /// s / B sum weights cos, the weights constant.
    Variable<T, D> weighted_sum(const Variable<T, D>& cosine, const Tensor<T, D>& weights) const {
        return sum(Variable<T, D>(weights * cosine)) * (this->scale() / static_cast<T>(cosine.shape(0)));
    }

    SFaceOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
