// Scaled softmax: cross entropy of s cos, no margin (NormFace, Wang et al., arXiv 1704.06369).
#pragma once

#include <lafs/losses/margin_head.hpp>

namespace lafs::inline LAFS_ABI {

/// Normalised features and weights, scale 64.
template <class T, class D = Cpu>
class ScaledSoftmax final : public MarginHead<T, D> {
public:
    ScaledSoftmax(std::int64_t features, std::int64_t classes, double scale = 64.0)
        : MarginHead<T, D>(features, classes, scale) {}

    Variable<T, D> margin(const Variable<T, D>& cosine) const override { return cosine; }
};

}  // namespace lafs::inline LAFS_ABI
