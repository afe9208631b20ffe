// Attention of one query an image, for a last block of which only the class token is read.
#pragma once

#include <lafs/autograd/attention.hpp>
#include <lafs/backend/cpu/class_attention.hpp>

namespace lafs::inline LAFS_ABI {

/// softmax(scale q k') v: query (B, heads * width), keys and values kv (B, N, 2 * heads * width), k before v
/// -> (B, heads * width). Equals the first token's row of `attention`.
template <class T, class D>
Variable<T, D> class_attention(const Variable<T, D>& query, const Variable<T, D>& kv, std::int64_t heads,
                               compute_t<T> scale) {
    const Shape &sq = query.shape(), &s = kv.shape();
    require(heads > 0 && sq.rank() == 2 && s.rank() == 3 && sq[0] == s[0] && s[2] == 2 * sq[1] &&
                sq[1] % heads == 0 && s[1] > 0,
            "class_attention", "got query ", sq, ", kv ", s, " and ", heads,
            " heads, expected (B, heads * width) and (B, N, 2 * heads * width)");
    const AttentionSizes sizes{s[0], s[1], heads, sq[1] / heads};
    const std::int64_t row = sizes.row();
    auto y = Tensor<T, D>::empty(sq);
    auto probabilities = Tensor<compute_t<T>, D>::empty({sizes.batch, heads, sizes.tokens});
    const auto operands = [=](auto* q, auto* k) {
        using Element = std::remove_pointer_t<decltype(q)>;
        return ClassOperands<Element>{q, k, k ? k + row : nullptr, row, 2 * row};
    };
    const auto values = [=] { return operands(query.data(), kv.data()); };
    detail::report_product(2 * sizes.batch * sizes.tokens * row);
    class_attention_forward(D{}, sizes, values(), scale, y.data(), probabilities.data());
    return record(y, {query, kv}, [=](const Tensor<T, D>& g) {
        const GradientTarget<T> dq = query.gradient_target(), dkv = kv.gradient_target();
        class_attention_backward(D{}, sizes, values(), scale, probabilities.data(), g.data(),
                                 operands(dq.data, dkv.data), dq.accumulate, dkv.accumulate);
    });
}

/// Where the class token looks: the probabilities of token 0 of qkv (B, N, 3 * heads * width) over all
/// tokens, (B, heads, N). Not differentiable; for reports.
template <class T, class D>
Tensor<compute_t<T>, D> class_probabilities(const Tensor<T, D>& qkv, std::int64_t heads, compute_t<T> scale) {
    const AttentionSizes n = detail::attention_sizes(qkv.shape(), heads);
    require(n.tokens > 0, "class_probabilities", "got qkv ", qkv.shape(), ", expected at least one token");
    auto probabilities = Tensor<compute_t<T>, D>::empty({n.batch, n.heads, n.tokens});
    const T* q = qkv.data();
    const ClassOperands<const T> operands{q, q + n.row(), q + 2 * n.row(), n.tokens * 3 * n.row(),
                                          3 * n.row()};
    class_attention_forward(D{}, n, operands, scale, static_cast<T*>(nullptr), probabilities.data());
    return probabilities;
}

/// The same for expressions and tensors (autograd/operands.hpp).
template <class Q, class K>
requires VariableOperands<Q, K>
auto class_attention(const Q& query, const K& kv, std::int64_t heads,
                     compute_t<detail::element_of<Q>> scale) {
    return detail::over_variables(
        [=](const auto& q, const auto& k) { return class_attention(q, k, heads, scale); }, query, kv);
}

}  // namespace lafs::inline LAFS_ABI
