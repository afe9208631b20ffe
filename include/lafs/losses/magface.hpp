// MagFace: features of better images become longer, and get a larger margin (Meng, Zhao, Huang, Zhou, arXiv 2103.06627,
// equations 4 to 6). With a = |x| limited to [10, 110], and gradients through it:
//
//   m(a) = 0.45 + (0.8 - 0.45) (a - 10) / (110 - 10),
//   margin(cos t) = cos(t + m(a)) where cos t > 0, and cos t elsewhere (the easy margin, as in the published code),
//   loss = cross entropy + 35 mean(g(a)),   g(a) = a / 110^2 + 1 / a.
#pragma once

#include <lafs/autograd/reductions.hpp>
#include <lafs/losses/margin_head.hpp>

namespace lafs::inline LAFS_ABI {

/// The published numbers.
struct MagFaceOptions {
    double scale = 64.0;
    double shortest = 10, longest = 110;            ///< limits of the lengths
    double least_margin = 0.45, most_margin = 0.8;  ///< margins there, in radian
    double regularization = 35;                     ///< weight of g
};

template <class T, class D = Cpu>
class MagFace final : public MarginHead<T, D> {
public:
    /// Throws for limits of lengths and margins that are out of order.
    MagFace(std::int64_t features, std::int64_t classes, const MagFaceOptions& options = {})
        : MarginHead<T, D>(features, classes, options.scale), options_(options) {
        require(options.shortest > 0 && options.shortest < options.longest && std::isfinite(options.longest),
                "magface", "got lengths from ", options.shortest, " to ", options.longest,
                ", expected positive ones in order");
        require(options.least_margin >= 0 && options.least_margin <= options.most_margin &&
                    options.most_margin < 1.5707963267948966,
                "magface", "got margins from ", options.least_margin, " to ", options.most_margin,
                ", expected 0 .. pi / 2 in order");
        require(options.regularization >= 0 && std::isfinite(options.regularization), "magface",
                "got regularization ", options.regularization, ", expected 0 or more");
    }

    Variable<T, D> row_margin(const Variable<T, D>& cosine, const MarginRows<T, D>& rows) const override {
        const double slope =
            (options_.most_margin - options_.least_margin) / (options_.longest - options_.shortest);
        const Variable<T, D> m = (limited(rows.norms()) - options_.shortest) * slope + options_.least_margin;
        // The angle of 1 has no derivative: above 1 - 1e-7 the cosine is taken as constant. Below 0 it is not used.
        return where(cosine > 0, cos(acos(clamp(cosine, 0, 1 - 1e-7)) + m), cosine);
    }

    Variable<T, D> loss(const Variable<T, D>& features,
                        const Tensor<std::int64_t, D>& labels) const override {
        return MarginHead<T, D>::loss(features, labels) + regularizer(features);
    }
    Variable<T, D> loss(const Variable<T, D>& features, const Tensor<T, D>& targets) const override {
        return MarginHead<T, D>::loss(features, targets) + regularizer(features);
    }

private:
    auto limited(const Variable<T, D>& lengths) const {
        return clamp(lengths, options_.shortest, options_.longest);
    }

    Variable<T, D> regularizer(const Variable<T, D>& features) const {
        const auto a = limited(row_norms(features));
        const Variable<T, D> g = a * (1 / (options_.longest * options_.longest)) + 1 / a;
        return mean(g) * options_.regularization;
    }

    MagFaceOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
