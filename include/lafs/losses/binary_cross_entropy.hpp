// Binary cross entropy, averaged over all elements, as torch.nn.functional.binary_cross_entropy[_with_logits]:
//
//   of probabilities p:   mean of  -t log p - (1 - t) log(1 - p)
//   of logits x:          the same of p = sigmoid(x), which is  max(x, 0) - t x + log(1 + exp(-|x|))
//
// with targets t in 0 .. 1. The form of logits neither overflows nor loses small terms: prefer it.
#pragma once

#include <lafs/autograd/reductions.hpp>
#include <type_traits>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

namespace detail {

/// log(1 + e) for e >= -1, also where 1 + e is rounded: the logarithm of the rounded sum, and what was lost.
template <class V>
LAFS_HOST_DEVICE V log_of_one_plus(V e) {
    const V sum = V(1) + e;
    return log(sum) - ((sum - V(1)) - e) / maximum(sum, V(1e-30));
}

struct BinaryCrossEntropyOfLogits {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x, V t) {
        return maximum(x, V(0)) - t * x + log_of_one_plus(exp(V(0) - abs(x)));
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V x, V t, V) {
        return {{Sigmoid::f(x) - t, V(0) - x}};
    }
};

/// Logarithms are no smaller than -100, and the divisor of the derivative no smaller than 1e-12, as in PyTorch.
/// NaN for what is no probability.
struct BinaryCrossEntropyOfProbabilities {
    template <class V>
    LAFS_HOST_DEVICE static V f(V p, V t) {
        const V loss = V(0) - t * limited(log(p)) - (V(1) - t) * limited(log_of_one_plus(V(0) - p));
        return select(is_less_equal(V(0), p) * is_less_equal(p, V(1)), loss, V(NAN));
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V p, V t, V) {
        return {{(p - t) / maximum(p * (V(1) - p), V(1e-12)),
                 limited(log_of_one_plus(V(0) - p)) - limited(log(p))}};
    }

private:
    template <class V>
    LAFS_HOST_DEVICE static V limited(V logarithm) {
        return maximum(logarithm, V(-100));
    }
};

}  // namespace detail

/// Logits and targets of one shape -> scalar. The target may be a tensor; a variable gets a gradient, too.
/// Throws when the shapes differ, and when there are no elements.
template <std::floating_point T, class D>
Variable<T, D> binary_cross_entropy_with_logits(const Variable<T, D>& logits,
                                                const std::type_identity_t<Variable<T, D>>& target) {
    require(logits.shape() == target.shape(), "binary_cross_entropy_with_logits", "got logits ",
            logits.shape(), " and a target ", target.shape(), ", expected one shape");
    return mean(Variable<T, D>(apply<detail::BinaryCrossEntropyOfLogits>(logits, target)));
}

/// Probabilities and targets of one shape -> scalar, alike. A number outside 0 .. 1 among the probabilities
/// throws on the CPU; elsewhere it makes the loss NaN.
template <std::floating_point T, class D>
Variable<T, D> binary_cross_entropy(const Variable<T, D>& probabilities,
                                    const std::type_identity_t<Variable<T, D>>& target) {
    require(probabilities.shape() == target.shape(), "binary_cross_entropy", "got probabilities ",
            probabilities.shape(), " and a target ", target.shape(), ", expected one shape");
    if constexpr (std::is_same_v<D, Cpu>)
        for (const T p : probabilities.value().span())
            require(p >= 0 && p <= 1, "binary_cross_entropy", "got the probability ", p,
                    ", expected 0 .. 1 (for logits: binary_cross_entropy_with_logits)");
    return mean(Variable<T, D>(apply<detail::BinaryCrossEntropyOfProbabilities>(probabilities, target)));
}

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
