// Steps over many tensors at once: optimisers, the moving average of a teacher, scaling and clipping of
// gradients; and the norms that they need. Each formula is written once for every device.
//
// optimizer_step(D{}, steps, guard):           applies the update of each of `steps` to its tensor: one pass
//                                              over everything, whatever the number of tensors. Where the
//                                              number at `guard` is not finite nothing is changed; null is no
//                                              guard.
// sums_of_squares(D{}, operands, sums, norm):  sums[i] = the sum of the squares of operand i, in double, in
//                                              an order fixed by the sizes; norm[0], unless null, = the root
//                                              of the sum of all of them. Not finite when an element is not.
//
// The lists are host memory that is read before the call returns: a backend passes them on with its launches,
// some tensors each, so that nothing waits and no list outlives the call. All that the lists point to is
// memory of the device, and so are guard, sums and norm: numbers worked out by one call are read by the next
// where they are, not by the host. Work is cut by the sizes alone.
//
// An update is a small struct of numbers with
//   states                      how many tensors of state it keeps for a parameter;
//   operator()(p, g, state)     changes a value of the parameter and of the states in place, given the
//                               gradient, for any value type (a pack on the CPU, one float on the GPU);
//   resolved()                  optional: the update to apply instead, made once for each piece of work with
//                               numbers that lie in the device's memory;
//   idle()                      optional: whether it leaves every value as it is, bit for bit.
// Numbers are worked out in double and rounded once, as PyTorch does.
//
// Values are computed in compute_t<T>. A parameter of a 16-bit type may have a master: the value in float
// that steps add up in, since most are far below half a unit of the 16-bit value's last place. It is then
// read in the parameter's place and written with every bit, beside the parameter, its rounded copy.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/dtype.hpp>
#include <lafs/expr/math.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// One tensor of a step. `C`, in which it is computed, is compute_t<T>; `gradient` is whatever the update
/// reads beside the parameter.
template <class Update, class T>
struct StepOf {
    using C = compute_t<T>;
    Update update;
    std::int64_t size = 0;
    T* parameter = nullptr;
    const T* gradient = nullptr;
    C* master = nullptr;  ///< of a 16-bit parameter, or null
    C* states[Update::states > 0 ? Update::states : 1] = {};
};

/// What to sum the squares of: x + factor y, element by element, without the one that is null.
template <class T>
struct SquaresOf {
    std::int64_t size = 0;
    const T* x = nullptr;
    const compute_t<T>* y = nullptr;
    double factor = 1;
};

/// The number of pieces of `chunk` elements, the last one perhaps shorter.
LAFS_HOST_DEVICE constexpr std::int64_t chunks_of(std::int64_t size, std::int64_t chunk) {
    return (size + chunk - 1) / chunk;
}

/// Whether a guard forbids the step.
LAFS_HOST_DEVICE inline bool is_stopped(const double* guard) {
    return guard && !std::isfinite(*guard);
}

/// See `resolved` at the top of the file.
template <class Update>
LAFS_HOST_DEVICE auto resolved(const Update& update) {
    if constexpr (requires { update.resolved(); })
        return update.resolved();
    else
        return update;
}

/// See `idle` at the top of the file.
template <class Update>
LAFS_HOST_DEVICE bool is_idle(const Update& update) {
    if constexpr (requires { update.idle(); })
        return update.idle();
    else
        return false;
}

/// a + b, where neither is a product that a compiler may fuse with the sum: an average has the same bits
/// whatever the machine and the compiler. Packs have their own.
template <class T>
requires(std::floating_point<T>) LAFS_HOST_DEVICE T separate_sum(T a, T b) {
#if defined(__CUDA_ARCH__)
    if constexpr (std::is_same_v<T, float>)
        return __fadd_rn(a, b);
    else
        return __dadd_rn(a, b);
#elif defined(__x86_64__)
    asm("" : "+x"(a), "+x"(b));
#elif defined(__aarch64__)
    asm("" : "+w"(a), "+w"(b));
#endif
    return a + b;
}

/// AdamW (arXiv 1711.05101), for step t = 1, 2 ...:
///   p <- (1 - lr wd) p;  m <- m + (1 - b1)(g - m);  v <- b2 v + (1 - b2) g g
///   p <- p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
template <class C>
struct AdamWUpdate {
    static constexpr int states = 2;  // m, v
    C kept, first_rate, second_kept, second_rate, rate, root_correction, epsilon;

    AdamWUpdate() = default;
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

/// LARS (arXiv 1708.03888): q = eta |p| / |g + wd p|, or 1 where a norm is 0. The squares of both norms lie
/// in the device's memory; null is no adaptation.
template <class C>
struct LarsUpdate {
    static constexpr int states = 1;
    MomentumUpdate<C> momentum;
    const double* squares;
    double eta;

    LAFS_HOST_DEVICE MomentumUpdate<C> resolved() const {
        MomentumUpdate<C> update = momentum;
        if (squares && squares[0] > 0 && squares[1] > 0)
            update.adaptation = static_cast<C>(eta * std::sqrt(squares[0]) / std::sqrt(squares[1]));
        return update;
    }
};

/// The moving average of a teacher: p <- m p + (1 - m) g, where g is the student.
template <class C>
struct AverageUpdate {
    static constexpr int states = 0;
    C kept, taken;

    AverageUpdate() = default;
    explicit AverageUpdate(double momentum)
        : kept(static_cast<C>(momentum)), taken(static_cast<C>(1.0 - momentum)) {}

    template <class V>
    LAFS_HOST_DEVICE void operator()(V& p, const V& g, V*) const {
        p = separate_sum(V(kept) * p, V(taken) * g);
    }
};

/// p <- factor p. Nothing is touched for a factor of 1.
template <class C>
struct ScaleUpdate {
    static constexpr int states = 0;
    C factor;

    LAFS_HOST_DEVICE bool idle() const { return factor == C(1); }
    template <class V>
    LAFS_HOST_DEVICE void operator()(V& p, const V&, V*) const {
        p = p * V(factor);
    }
};

/// What a gradient of this norm is multiplied by: max_norm / (norm + 1e-6) where that is below 1, else 1. The
/// small number is the published guard against a norm of 0.
LAFS_HOST_DEVICE inline double clip_factor(double norm, double max_norm) {
    const double factor = max_norm / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}

/// Clips a gradient by a norm in the device's memory: of all gradients, or, squared, of its own.
template <class C>
struct ClipUpdate {
    static constexpr int states = 0;
    const double* norm;
    const double* square;  ///< null: `norm` counts
    double max_norm;

    LAFS_HOST_DEVICE ScaleUpdate<C> resolved() const {
        return {static_cast<C>(clip_factor(square ? std::sqrt(*square) : *norm, max_norm))};
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
