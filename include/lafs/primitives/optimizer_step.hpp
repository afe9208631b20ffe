// The formulas of optimiser steps, each written once for every device.
//
// An update is a small struct of numbers with
//   states                      how many tensors of state it keeps for a parameter;
//   operator()(p, g, state)     changes a value of the parameter and of the states in place, given the
//                               gradient, for any value type (a pack on the CPU, one float on the GPU).
// Numbers are worked out in double and rounded once, as PyTorch does.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/expr/math.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// AdamW (arXiv 1711.05101), for step t = 1, 2 ...:
///   p <- (1 - lr wd) p;  m <- m + (1 - b1)(g - m);  v <- b2 v + (1 - b2) g g
///   p <- p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
template <class C>
struct AdamWUpdate {
    static constexpr int states = 2;  // m, v
    C kept, first_rate, second_kept, second_rate, rate, root_correction, epsilon;

    AdamWUpdate(double lr, double weight_decay, double beta1, double beta2, double eps, std::int64_t step)
        : kept(static_cast<C>(1 - lr * weight_decay)),
          first_rate(static_cast<C>(1 - beta1)),
          second_kept(static_cast<C>(beta2)),
          second_rate(static_cast<C>(1 - beta2)),
          rate(static_cast<C>(lr / (1 - std::pow(beta1, static_cast<double>(step))))),
          root_correction(static_cast<C>(std::sqrt(1 - std::pow(beta2, static_cast<double>(step))))),
          epsilon(static_cast<C>(eps)) {}

    template <class V>
    LAFS_HOST_DEVICE void operator()(V& p, const V& g, V* state) const {
        V& m = state[0];
        V& v = state[1];
        m = m + V(first_rate) * (g - m);
        v = V(second_kept) * v + V(second_rate) * (g * g);
        p = V(kept) * p - V(rate) * (m / (sqrt(v) / V(root_correction) + V(epsilon)));
    }
};

/// SGD with momentum, PyTorch's form; LARS is the same with an adaptation q of each parameter:
///   d = q (g + wd p);  u <- momentum u + d;  p <- p - lr u, or p - lr (d + momentum u) with Nesterov
template <class C>
struct MomentumUpdate {
    static constexpr int states = 1;  // u
    C lr, weight_decay, momentum, adaptation;
    bool nesterov;

    template <class V>
    LAFS_HOST_DEVICE void operator()(V& p, const V& g, V* state) const {
        V& u = state[0];
        const V d = V(adaptation) * (g + V(weight_decay) * p);
        u = V(momentum) * u + d;
        p = p - V(lr) * (nesterov ? d + V(momentum) * u : u);
    }
};

/// What to sum the squares of: x + factor y, element by element, or x where y is null.
template <class T>
struct SquaresOf {
    std::int64_t size = 0;
    const T* x = nullptr;
    const T* y = nullptr;
    double factor = 0;
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
