// Root-mean-square normalisation over the last axis (Zhang & Sennrich, arXiv 1910.07467).
#pragma once

#include <lafs/autograd/rms_norm.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// x / sqrt(mean x^2 + epsilon) * weight, the weight (width,) from 1, as torch.nn.RMSNorm. (PyTorch's epsilon is
/// that of the element type unless given; transformers are published with 1e-5 or 1e-6.)
template <class T, class D = Cpu>
struct RMSNorm : Module<T, D> {
    Variable<T, D> weight;
    compute_t<T> epsilon;

    explicit RMSNorm(std::int64_t width, double eps = 1e-6)
        : weight(Tensor<T, D>::full({width}, T(1)), true), epsilon(static_cast<compute_t<T>>(eps)) {}

    void visit(Visitor<T, D>& visitor) override { visitor.parameter("weight", weight); }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return rms_norm(x, weight, epsilon); });
    }
};

}  // namespace lafs::inline LAFS_ABI
