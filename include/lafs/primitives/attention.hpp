// Attention without the (batch, heads, tokens, tokens) matrices: sizes, formulas and contract.
//
// qkv is (batch, tokens, 3, heads, width), y and its gradient g are (batch, tokens, heads, width), log_sum is
// (batch, heads, tokens) in the compute type C. For every head, with the scores s = scale q k':
//
//   p = softmax(s) = exp(s - L),   L = log sum over the keys of exp s,   y = p v
//   dv = p' g,   dp = g v',   ds = p (dp - sum g y),   dq = scale ds k,   dk = scale ds' q
//
// A backend overloads, for its device:
//   attention_forward(D, sizes, qkv, scale, y, log_sum)              y =, log_sum = L
//   attention_backward(D, sizes, qkv, scale, y, g, log_sum, dqkv)    dqkv = or +=, all of it
// `scale` is a number of the host. p is computed again from L in the backward pass, never stored.
#pragma once

#include <cstdint>
#include <lafs/expr/math.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// The axes of qkv (batch, tokens, 3, heads, width).
struct AttentionSizes {
    std::int64_t batch, tokens, heads, width;

    LAFS_HOST_DEVICE std::int64_t row() const { return heads * width; }
};

/// The probability of a score, from its row's log sum exp.
template <class V>
LAFS_HOST_DEVICE V attention_probability(const V& score, const V& log_sum) {
    return exp(score - log_sum);
}

/// The gradient of a score, from its probability, the gradient of that, and the row's sum of g y.
template <class V>
LAFS_HOST_DEVICE V attention_score_gradient(const V& p, const V& dp, const V& inner) {
    return p * (dp - inner);
}

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
