// Stochastic gradient descent with momentum (optionally Nesterov's), as torch.optim.SGD without dampening.
// The formula is MomentumUpdate in primitives/optimizer_step.hpp.
#pragma once

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
    using Base = Optimizer<T, D>;
    using Number = typename Base::Number;
    using Update = MomentumUpdate<Number>;

    void update(typename Base::AllDue due, const double* guard) override {
        Base::template run<Update>(due, guard, [&](std::size_t, const typename Base::Due& of) {
            return Update{static_cast<Number>(of.lr), static_cast<Number>(of.weight_decay),
                          static_cast<Number>(options_.momentum), Number(1), options_.nesterov};
        });
    }

private:
    SgdOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
