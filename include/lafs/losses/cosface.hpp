// CosFace: margin(cos) = cos - m (Wang et al., arXiv 1801.09414).
#pragma once

#include <lafs/losses/margin_head.hpp>

namespace lafs::inline LAFS_ABI {

/// The published head of LAFS: scale 64, margin 0.4.
template <class T, class D = Cpu>
class CosFace final : public MarginHead<T, D> {
public:
    CosFace(std::int64_t features, std::int64_t classes, double scale = 64.0, double margin = 0.4)
        : MarginHead<T, D>(features, classes, scale), margin_(static_cast<T>(margin)) {
        require(margin >= 0 && margin < 1, "cosface", "got margin ", margin, ", expected 0 .. 1");
    }

    Variable<T, D> margin(const Variable<T, D>& cosine) const override { return cosine - margin_; }

private:
    T margin_;
};

}  // namespace lafs::inline LAFS_ABI
