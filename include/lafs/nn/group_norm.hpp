// Group normalisation (Wu & He, arXiv 1803.08494), as torch.nn.GroupNorm.
#pragma once

#include <lafs/autograd/reshape.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Normalises the channels of a group together, image by image: x (batch, channels, ...) with mean and variance
/// over channels / groups channels and all that follows, then a gain and a bias for each channel. Parameters
/// `weight` (1) and `bias` (0), both (channels,).
template <class T, class D = Cpu>
struct GroupNorm : Module<T, D> {
    std::int64_t groups;
    Variable<T, D> weight, bias;
    compute_t<T> epsilon;

    /// Throws unless the groups divide the channels.
    GroupNorm(std::int64_t group_count, std::int64_t channels, double eps = 1e-5)
        : groups(group_count), epsilon(static_cast<compute_t<T>>(eps)) {
        require(groups >= 1 && channels >= 1 && channels % groups == 0, "group_norm", "got ", groups,
                " groups for ", channels, " channels, expected a divisor");
        weight = Variable<T, D>(Tensor<T, D>::full({channels}, T(1)), true);
        bias = Variable<T, D>(Tensor<T, D>::zeros({channels}), true);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.parameter("weight", weight);
        visitor.parameter("bias", bias);
    }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        const Shape& shape = x.shape();
        const std::int64_t channels = weight.shape(0);
        require(shape.rank() >= 2 && shape[1] == channels && shape.size() > 0, "group_norm", "got ", shape,
                ", expected (batch, ", channels, ", ...)");
        return this->observed([&] { return normalised(x, channels); });
    }

private:
    Variable<T, D> normalised(const Variable<T, D>& x, std::int64_t channels) const {
        const Shape& shape = x.shape();
        const std::int64_t row = channels / groups * shape.size_between(2, shape.rank());
        const Variable<T, D> ones(Tensor<T, D>::full({row}, T(1))), zeros(Tensor<T, D>::zeros({row}));
        // (batch, channels, ...) -> (batch, groups, what is normalised together) -> (batch, channels, plane)
        const auto rows = layer_norm(reshape(x, {shape[0], groups, row}), ones, zeros, epsilon);
        const auto planes = reshape(rows, {shape[0], channels, shape.size_between(2, shape.rank())});
        const Variable<T, D> y = planes * reshape(weight, {channels, 1}) + reshape(bias, {channels, 1});
        return reshape(y, shape);
    }
};

}  // namespace lafs::inline LAFS_ABI
