// ArcFace (Deng et al., arXiv 1801.07698):
//
//   margin(cos t) = cos(t + m)            while t < pi - m,
//                   cos t - sin(pi - m) m beyond (the linear continuation),
//   or, with the easy margin, cos(t + m) where cos t > 0 and cos t elsewhere.
#pragma once

#include <cmath>
#include <lafs/losses/margin_head.hpp>

namespace lafs::inline LAFS_ABI {

/// Which angles get the margin.
enum class ArcMargin { all, easy };

/// Angular margin: scale 64, margin 0.5 radian.
template <class T, class D = Cpu>
class ArcFace final : public MarginHead<T, D> {
public:
    ArcFace(std::int64_t features, std::int64_t classes, double scale = 64.0, double margin = 0.5,
            ArcMargin kind = ArcMargin::all)
        : MarginHead<T, D>(features, classes, scale), angle_(margin), kind_(kind) {
        require(margin >= 0 && margin < 1.5707963267948966, "arcface", "got margin ", margin,
                ", expected 0 .. pi / 2");
    }

    Variable<T, D> margin(const Variable<T, D>& cosine) const override {
        // The sine of 0 has no derivative: below 1e-7 it is taken as constant.
        const auto sine = sqrt(max(1 - square(cosine), 1e-14));
        const auto moved = cosine * std::cos(angle_) - sine * std::sin(angle_);
        if (kind_ == ArcMargin::easy)
            return where(cosine > 0, moved, cosine);
        return where(cosine > -std::cos(angle_), moved, cosine - std::sin(angle_) * angle_);
    }

private:
    double angle_;
    ArcMargin kind_;
};

}  // namespace lafs::inline LAFS_ABI
