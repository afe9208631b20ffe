// Layer normalisation over the last axis (Ba et al., arXiv 1607.06450).
#pragma once

#include <lafs/autograd/row_functions.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Parameters `weight` (gain, from 1) and `bias` (from 0), both (width,).
template <class T, class D = Cpu>
struct LayerNorm : Module<T, D> {
    Variable<T, D> weight, bias;
    compute_t<T> epsilon;

    explicit LayerNorm(std::int64_t width, double eps = 1e-5)
        : weight(Tensor<T, D>::full({width}, T(1)), true),
          bias(Tensor<T, D>::zeros({width}), true),
          epsilon(static_cast<compute_t<T>>(eps)) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.parameter("weight", weight);
        visitor.parameter("bias", bias);
    }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return layer_norm(x, weight, bias, epsilon); });
    }
};

}  // namespace lafs::inline LAFS_ABI
