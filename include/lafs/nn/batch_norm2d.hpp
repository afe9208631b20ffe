// Batch normalisation as a layer.
#pragma once

#include <lafs/autograd/batch_norm.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Normalises channels with the statistics of the batch in training mode, with running ones in evaluation
/// mode. Parameters `weight` (1) and `bias` (0), buffers `running_mean` and `running_var`, counter
/// `num_batches_tracked`, as in PyTorch.
template <class T, class D = Cpu>
struct BatchNorm2d : Module<T, D> {
    Variable<T, D> weight, bias;
    RunningStatistics<T, D> running;
    mutable std::int64_t batches = 0;  // moves with the running statistics
    double momentum = 0.1, epsilon = 1e-5;

    explicit BatchNorm2d(std::int64_t channels)
        : weight(Tensor<T, D>::full({channels}, T(1)), true),
          bias(Tensor<T, D>::zeros({channels}), true),
          running{Tensor<T, D>::zeros({channels}), Tensor<T, D>::full({channels}, T(1))} {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.parameter("weight", weight);
        visitor.parameter("bias", bias);
        visitor.buffer("running_mean", running.mean);
        visitor.buffer("running_var", running.variance);
        visitor.counter("num_batches_tracked", batches);
    }

    /// Op(normalised x) for x (batch, channels, ...).
    template <class Op = Identity>
    Variable<T, D> forward(const Variable<T, D>& x) const {
        if (this->training())
            ++batches;
        return this->observed([&] {
            return batch_norm<Op>(x, weight, bias, running, {this->training(), momentum, epsilon});
        });
    }
};

}  // namespace lafs::inline LAFS_ABI
