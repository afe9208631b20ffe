// Dropout as a layer: active in training mode.
#pragma once

#include <lafs/autograd/dropout.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Drops elements with the given probability in training mode (see autograd/dropout.hpp).
template <class T, class D = Cpu>
struct Dropout : Module<T, D> {
    double probability;

    /// Throws unless 0 <= probability < 1.
    explicit Dropout(double p = 0.5) : probability(p) { detail::require_probability("dropout", p); }

    void visit(Visitor<T, D>&) override {}
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return dropout(x, probability, this->training()); });
    }
};

}  // namespace lafs::inline LAFS_ABI
