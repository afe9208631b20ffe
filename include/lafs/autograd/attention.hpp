// Multi-head self-attention (Vaswani et al., 2017) from the output of one linear layer, as in the published
// `to_qkv`: its last axis holds q, k and v, each (heads, width). (B, heads, N, N) is never stored.
#pragma once

#include <lafs/autograd/observer.hpp>
#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/attention.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
inline AttentionSizes attention_sizes(const Shape& qkv, std::int64_t heads) {
    require(heads > 0 && qkv.rank() == 3 && qkv[2] % (3 * heads) == 0, "attention", "got qkv ", qkv, " and ",
            heads, " heads, expected (B, N, 3 * heads * width)");
    return {qkv[0], qkv[1], heads, qkv[2] / (3 * heads)};
}
}  // namespace detail

/// softmax(scale q k') v: qkv (B, N, 3 * heads * width) -> (B, N, heads * width).
template <class T, class D>
Variable<T, D> attention(const Variable<T, D>& qkv, std::int64_t heads, compute_t<T> scale) {
    const AttentionSizes sizes = detail::attention_sizes(qkv.shape(), heads);
    auto y = Tensor<T, D>::empty({sizes.batch, sizes.tokens, sizes.row()});
    auto log_sum = Tensor<compute_t<T>, D>::empty({sizes.batch, sizes.heads, sizes.tokens});
    detail::report_product(2 * sizes.batch * sizes.tokens * sizes.tokens * sizes.row());
    attention_forward(D{}, sizes, qkv.data(), scale, y.data(), log_sum.data());
    return record(y, {qkv}, [=](const Tensor<T, D>& g) {
        attention_backward(D{}, sizes, qkv.data(), scale, y.data(), g.data(), log_sum.data(),
                           qkv.gradient_target());
    });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X>
requires VariableOperands<X>
auto attention(const X& qkv, std::int64_t heads, compute_t<detail::element_of<X>> scale) {
    return detail::over_variables([=](const auto& v) { return attention(v, heads, scale); }, qkv);
}

}  // namespace lafs::inline LAFS_ABI
