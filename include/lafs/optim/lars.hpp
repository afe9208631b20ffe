// LARS: layer-wise adaptive rates (You et al., arXiv 1708.03888), in the form of the DINO code:
//   d = g + wd p;  q = eta |p| / |d| (1 where a norm is 0);  u <- momentum u + q d;  p <- p - lr u
// Parameters of one axis have neither weight decay nor adaptation (q = 1).
#pragma once

#include <lafs/backend/cpu/optimizer_step.hpp>
#include <lafs/optim/optimizer.hpp>

namespace lafs::inline LAFS_ABI {

/// The values of the DINO code.
struct LarsOptions {
    double momentum = 0.9, eta = 0.001;
};

/// State: mu.
template <class T, class D = Cpu>
class Lars final : public Optimizer<T, D> {
public:
    /// Throws for a momentum outside [0, 1) and an eta that is not above 0.
    explicit Lars(const std::vector<ParameterGroup<T, D>>& groups, const LarsOptions& options = {})
        : Optimizer<T, D>(groups, {"mu"}), options_(options) {
        require(options.momentum >= 0 && options.momentum < 1, "lars", "got momentum ", options.momentum,
                ", expected 0 <= momentum < 1");
        require(options.eta > 0 && std::isfinite(options.eta), "lars", "got eta ", options.eta,
                ", expected a number above 0");
    }

protected:
    using Slot = typename Optimizer<T, D>::Slot;

    void update(Slot& slot, double lr, double weight_decay) override {
        const Tensor<T, D>& value = slot.parameter.value();
        const T* gradient = slot.parameter.grad().data();
        const bool adapts = value.rank() != 1;
        MomentumUpdate<T> update{static_cast<T>(lr), adapts ? static_cast<T>(weight_decay) : T(0),
                                 static_cast<T>(options_.momentum), T(1), false};
        if (adapts) {
            const SquaresOf<T> norms[] = {{value.size(), value.data()},
                                          {value.size(), gradient, value.data(), weight_decay}};
            double sums[2];
            sums_of_squares(D{}, std::span<const SquaresOf<T>>(norms), std::span(sums));
            if (sums[0] > 0 && sums[1] > 0)
                update.adaptation = static_cast<T>(options_.eta * std::sqrt(sums[0]) / std::sqrt(sums[1]));
        }
        optimizer_step(D{}, update, value.size(), value.data(), gradient, {slot.states[0].data()});
    }

private:
    LarsOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
