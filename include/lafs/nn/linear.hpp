// The affine layer y = x W' + b over the last axis.
#pragma once

#include <lafs/autograd/matmul.hpp>
#include <lafs/nn/init.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Parameters `weight` (out, in) and, unless left out, `bias` (out,). They start uniform within
/// 1 / sqrt(in), as in torch.nn.Linear.
template <class T, class D = Cpu>
struct Linear : Module<T, D> {
    Variable<T, D> weight, bias;

    /// Throws unless both sizes are positive.
    Linear(std::int64_t in, std::int64_t out, bool with_bias = true) {
        require(in > 0 && out > 0, "linear", "got sizes ", in, " -> ", out, ", expected positive sizes");
        weight = Variable<T, D>(Tensor<T, D>::empty({out, in}), true);
        const double limit = 1 / std::sqrt(static_cast<double>(in));
        fill_uniform(weight.value(), -limit, limit);
        if (with_bias) {
            bias = Variable<T, D>(Tensor<T, D>::empty({out}), true);
            fill_uniform(bias.value(), -limit, limit);
        }
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.parameter("weight", weight);
        if (bias.defined())
            visitor.parameter("bias", bias);
    }

    /// (..., in) -> (..., out).
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return linear(x, weight, bias); });
    }
};

}  // namespace lafs::inline LAFS_ABI
