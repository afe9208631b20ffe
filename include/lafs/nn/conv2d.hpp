// Two-dimensional convolution as a layer.
#pragma once

#include <lafs/autograd/conv.hpp>
#include <lafs/nn/init.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// conv2d with a square kernel: parameters `weight` (out, in / groups, kernel, kernel) and, if wanted,
/// `bias`. Weights start normal, with the deviation that is given or else variance 2 / fan-out (He et al., arXiv
/// 1502.01852); biases 0.
template <class T, class D = Cpu>
struct Conv2d : Module<T, D> {
    Variable<T, D> weight, bias;
    ConvOptions options;

    /// Throws unless the sizes are positive and the groups divide the channels.
    Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, ConvOptions conv_options = {},
           bool with_bias = false, double deviation = 0)
        : options(conv_options) {
        require(in > 0 && out > 0 && kernel > 0, "conv2d", "got ", in, " -> ", out,
                " channels and a kernel of ", kernel, ", expected positive sizes");
        require(options.groups >= 1 && in % options.groups == 0 && out % options.groups == 0, "conv2d",
                "got ", options.groups, " groups for ", in, " -> ", out,
                " channels, expected a divisor of both");
        const auto values = Tensor<T, D>::empty({out, in / options.groups, kernel, kernel});
        if (deviation > 0)
            fill_normal(values, 0, deviation);
        else
            kaiming_normal(values, Fan::out);
        weight = Variable<T, D>(values, true);
        if (with_bias)
            bias = Variable<T, D>(Tensor<T, D>::zeros({out}), true);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.parameter("weight", weight);
        if (bias.defined())
            visitor.parameter("bias", bias);
    }

    /// x (batch, in, height, width) -> (batch, out, height', width').
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return conv2d(x, weight, bias, options); });
    }
};

}  // namespace lafs::inline LAFS_ABI
