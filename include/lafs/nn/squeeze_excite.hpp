// Squeeze and excitation (Hu et al., arXiv 1709.01507), in the form of MobileNetV3.
#pragma once

#include <lafs/autograd/reshape.hpp>
#include <lafs/nn/linear.hpp>

namespace lafs::inline LAFS_ABI {

/// y = x * hard_sigmoid(W2 relu(W1 mean(x))) per channel, the mean over the plane, without biases. Parameters
/// `fc.0.weight` (channels / reduction, channels) and `fc.2.weight` (channels, channels / reduction), which
/// start normal with deviation 0.01.
template <class T, class D = Cpu>
struct SqueezeExcite : Module<T, D> {
    Linear<T, D> squeeze, excite;

    /// Throws unless channels / reduction is at least 1.
    explicit SqueezeExcite(std::int64_t channels, std::int64_t reduction = 4)
        : squeeze(channels, reduced(channels, reduction), false),
          excite(channels / reduction, channels, false) {
        fill_normal(squeeze.weight.value(), 0.0, 0.01);
        fill_normal(excite.weight.value(), 0.0, 0.01);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("fc.0", squeeze);
        visitor.child("fc.2", excite);
    }

    /// Op(y) for x (batch, channels, height, width), the operation fused with the product.
    template <class Op = Identity>
    Variable<T, D> forward(const Variable<T, D>& x) const {
        require(x.shape().rank() == 4 && x.shape(1) == squeeze.weight.shape(1), "squeeze_excite",
                "got input ", x.shape(), ", expected (batch, ", squeeze.weight.shape(1), ", height, width)");
        return this->observed([&] {
            const std::int64_t batch = x.shape(0), channels = x.shape(1);
            const auto pixels = reshape(x, {batch, channels, x.shape(2) * x.shape(3)});
            const Variable<T, D> hidden = relu(squeeze.forward(mean(pixels, 2)));
            const auto gate = reshape(excite.forward(hidden), {batch, channels, 1, 1});
            return gated<Op>(x, gate);
        });
    }

private:
    template <class Op>
    static Variable<T, D> gated(const Variable<T, D>& x, const Variable<T, D>& gate) {
        return fuse([](auto value, auto g) { return apply<Op>(value * apply<HardSigmoid>(g)); }, x, gate);
    }
    static std::int64_t reduced(std::int64_t channels, std::int64_t reduction) {
        require(reduction >= 1 && channels >= reduction, "squeeze_excite", "got ", channels,
                " channels with reduction ", reduction, ", expected at least one after reduction");
        return channels / reduction;
    }
};

}  // namespace lafs::inline LAFS_ABI
