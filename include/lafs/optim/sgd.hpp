// Stochastic gradient descent with momentum (optionally Nesterov's), as torch.optim.SGD without dampening.
// The formula is MomentumUpdate in primitives/optimizer_step.hpp.
#pragma once

#include <lafs/backend/cpu/optimizer_step.hpp>
#include <lafs/optim/optimizer.hpp>

namespace lafs::inline LAFS_ABI {

struct SgdOptions {
    double momentum = 0.9;
    bool nesterov = false;
};

/// State: momentum_buffer.
template <class T, class D = Cpu>
class Sgd final : public Optimizer<T, D> {
public:
    /// Throws for a momentum outside [0, 1).
    explicit Sgd(const std::vector<ParameterGroup<T, D>>& groups, const SgdOptions& options = {})
        : Optimizer<T, D>(groups, {"momentum_buffer"}), options_(options) {
        require(options.momentum >= 0 && options.momentum < 1, "sgd", "got momentum ", options.momentum,
                ", expected 0 <= momentum < 1");
    }

protected:
    using Slot = typename Optimizer<T, D>::Slot;

    void update(Slot& slot, double lr, double weight_decay) override {
        const MomentumUpdate<T> update{static_cast<T>(lr), static_cast<T>(weight_decay),
                                       static_cast<T>(options_.momentum), T(1), options_.nesterov};
        const Tensor<T, D>& value = slot.parameter.value();
        optimizer_step(D{}, update, value.size(), value.data(),
                       static_cast<const T*>(slot.parameter.grad().data()), {slot.states[0].data()});
    }

private:
    SgdOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
