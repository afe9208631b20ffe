// AdaFace: a margin that depends on the quality of the image, of which the length of its feature tells (Kim, Jain, Liu,
// arXiv 2204.00964, equations 7 to 13). With |x| limited to [0.001, 100] and mu, sigma running averages of the lengths'
// mean and deviation over the batches:
//
//   z = clip((|x| - mu) / (sigma + e) h, -1, 1),   e = 0.001, no gradient through z,
//   margin(cos t) = cos(clip(t - m z, e, pi - e)) - (m z + m).
//
// Constants are those of the published code (head.py of AdaFace, and the t_alpha 0.01 of its training scripts; the
// paper's alpha, 0.99, is 1 - t_alpha). As there, cosines of right classes are limited to [-1 + e, 1 - e]; other
// classes' are here left as they are.
#pragma once

#include <lafs/autograd/batch_norm.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/losses/margin_head.hpp>

namespace lafs::inline LAFS_ABI {

struct AdaFaceOptions {
    double scale = 64.0, margin = 0.4;
    double h = 0.333;       ///< a deviation of 1 / h sigma is the whole margin
    double t_alpha = 0.01;  ///< weight of the newest batch in the running averages
};

/// Parameter `weight`, buffers `batch_mean` and `batch_std` (1,), which move in training mode before they are used. They
/// start at 20 and 100, as published.
template <class T, class D = Cpu>
class AdaFace final : public MarginHead<T, D> {
public:
    /// Throws for a margin outside 0 .. pi / 2, an h below 0, and a t_alpha outside 0 .. 1.
    AdaFace(std::int64_t features, std::int64_t classes, const AdaFaceOptions& options = {})
        : MarginHead<T, D>(features, classes, options.scale), options_(options) {
        require(options.margin >= 0 && options.margin < 1.5707963267948966, "adaface", "got margin ",
                options.margin, ", expected 0 .. pi / 2");
        require(options.h >= 0 && std::isfinite(options.h) && options.t_alpha >= 0 && options.t_alpha <= 1,
                "adaface", "got h ", options.h, " and t_alpha ", options.t_alpha,
                ", expected h of 0 or more and t_alpha of 0 .. 1");
    }

    void visit(Visitor<T, D>& visitor) override {
        MarginHead<T, D>::visit(visitor);
        visitor.buffer("batch_mean", batch_mean);
        visitor.buffer("batch_std", batch_std);
    }

    Variable<T, D> row_margin(const Variable<T, D>& cosine, const MarginRows<T, D>& rows) const override {
        const MarginRows<T, D> constant{rows.features.detach(), rows.labels};
        const Tensor<T, D> lengths = clamp(constant.norms().value(), 0.001, 100);
        if (this->training())
            move_averages(lengths);
        const double m = options_.margin;
        const Tensor<T, D> shift =
            clamp((lengths - batch_mean) / (batch_std + limit) * options_.h, -1, 1) * m;
        const auto angle = acos(clamp(cosine, limit - 1, 1 - limit)) - shift;
        return cos(clamp(angle, limit, 3.141592653589793 - limit)) - (shift + m);
    }

    Tensor<T, D> batch_mean = Tensor<T, D>::full({1}, T(20)), batch_std = Tensor<T, D>::full({1}, T(100));

private:
    static constexpr double limit = 1e-3;

    /// The deviation is the unbiased one; that of one row is not known.
    void move_averages(const Tensor<T, D>& lengths) const {
        const auto count = static_cast<double>(lengths.size());
        const Tensor<T, D> average = mean(lengths);
        detail::update_running(batch_mean, average, options_.t_alpha, 1.0);
        if (count > 1) {
            const Tensor<T, D> squares = sum(square(lengths - average));
            detail::update_running(batch_std, sqrt(squares * (1 / (count - 1))).eval(), options_.t_alpha,
                                   1.0);
        }
    }

    AdaFaceOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
