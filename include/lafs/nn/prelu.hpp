// The parametric rectifier as a layer (He et al., arXiv 1502.01852).
#pragma once

#include <lafs/autograd/expression.hpp>
#include <lafs/autograd/reshape.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// x where it is positive, else weight x, with a trained `weight` a channel, (channels,), as torch.nn.PReLU. A weight of
/// one element is that of all channels.
template <class T, class D = Cpu>
struct PReLU : Module<T, D> {
    Variable<T, D> weight;

    /// Throws unless there are channels.
    explicit PReLU(std::int64_t channels = 1, double initial = 0.25) {
        require(channels > 0, "prelu", "got ", channels, " channels, expected a positive number");
        weight = Variable<T, D>(Tensor<T, D>::full({channels}, static_cast<T>(initial)), true);
    }

    void visit(Visitor<T, D>& visitor) override { visitor.parameter("weight", weight); }

    /// x (batch, channels, ...) -> the same shape. Throws for another number of channels.
    Variable<T, D> forward(const Variable<T, D>& x) const {
        const std::int64_t channels = weight.shape(0);
        const Shape& shape = x.shape();
        require(shape.rank() >= 2 && (channels == 1 || shape[1] == channels), "prelu", "got input ", shape,
                ", expected (batch, ", channels, ", ...)");
        return this->observed([&] {
            Shape slopes = shape.without(0);  // (channels, 1, ...)
            for (int axis = 1; axis < slopes.rank(); ++axis)
                slopes = slopes.with(axis, 1);
            return Variable<T, D>(prelu(x, reshape(weight, slopes.with(0, channels))));
        });
    }
};

}  // namespace lafs::inline LAFS_ABI
