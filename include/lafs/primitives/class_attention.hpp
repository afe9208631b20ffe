// Attention of one query an image - the class token's: sizes, the program of one head, and contract.
//
// For every head, with one query q and the keys k and values v of all tokens:
//   p = softmax(scale q k'),   y = p v
//   dv = p' g,   ds = p (g v' - sum p (g v')),   dq = scale ds k,   dk = scale ds' q
//
// A backend overloads, for its device, with p (batch, heads, tokens) in the compute type C:
//   class_attention_forward(D, sizes, operands, scale, y, p)
//       p =; y (batch, heads, width) =, unless null
//   class_attention_backward(D, sizes, operands, scale, p, g, gradients, accumulate_q, accumulate_kv)
//       gradients.q = or += (accumulate_q); gradients.k and .v = or += (accumulate_kv); null: not wanted
// `scale` is a number of the host.
#pragma once

#include <lafs/primitives/attention.hpp>
#include <lafs/primitives/row.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// Where the rows of single queries, keys and values lie (null: not wanted): head h of image b is at
/// q + b * image + h * width, its key and value of token t at k, v + (b * tokens + t) * token + h * width.
template <class T>
struct ClassOperands {
    T *q, *k, *v;
    std::int64_t image, token;

    /// The same for one head of one image.
    LAFS_HOST_DEVICE ClassOperands of_head(const AttentionSizes& n, std::int64_t head) const {
        const std::int64_t b = head / n.heads, column = head % n.heads * n.width,
                           rows = b * n.tokens * token + column;
        const auto at = [](T* start, std::int64_t offset) { return start ? start + offset : nullptr; };
        return {at(q, b * image + column), at(k, rows), at(v, rows), image, token};
    }
};

/// One head of one image (see primitives/row.hpp for `lanes`), from operands and results that begin
/// at the head. `sum` is scratch of `width` numbers in the compute type C, and `ds` of `tokens`.
struct ClassAttentionHead {
    /// p = softmax(scale q k'); y = p v, unless null.
    template <class Lanes, class T, class C>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, const AttentionSizes& n,
                                         const ClassOperands<const T>& in, C scale, T* y, C* p, C* sum) {
        products(lanes, n, in.q, in.k, in.token, scale, p);
        SoftmaxRow::forward(lanes, n.tokens, p, p);
        if (!y)
            return;
        lanes.meet();
        sum_rows(lanes, n, C(1), p, in.v, in.token, sum);
        add_row(lanes, n.width, C(1), sum, GradientTarget<T>{y, false});
    }

    /// The gradients that are wanted, from the gradient g of y.
    template <class Lanes, class T, class C>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, const AttentionSizes& n,
                                          const ClassOperands<const T>& in, C scale, const C* p, const T* g,
                                          const ClassOperands<T>& out, bool accumulate_q, bool accumulate_kv,
                                          C* ds, C* sum) {
        products(lanes, n, g, in.v, in.token, C(1), ds);
        SoftmaxRow::backward(lanes, n.tokens, p, ds, GradientTarget<C>{ds, false});
        lanes.meet();
        if (out.q) {
            sum_rows(lanes, n, scale, ds, in.k, in.token, sum);
            add_row(lanes, n.width, C(1), sum, GradientTarget<T>{out.q, accumulate_q});
        }
        for (std::int64_t t = 0; out.k && t < n.tokens; ++t) {
            const std::int64_t row = t * in.token;
            add_row(lanes, n.width, scale * ds[t], in.q, GradientTarget<T>{out.k + row, accumulate_kv});
            add_row(lanes, n.width, p[t], g, GradientTarget<T>{out.v + row, accumulate_kv});
        }
    }

private:
    /// to[t] = factor * (row . rows[t]).
    template <class Lanes, class T, class C>
    LAFS_HOST_DEVICE static void products(const Lanes& lanes, const AttentionSizes& n, const T* row,
                                          const T* rows, std::int64_t stride, C factor, C* to) {
        for (std::int64_t t = 0; t < n.tokens; ++t) {
            const T* other = rows + t * stride;
            const C product = lanes.sum(n.width, [&](auto at) { return at(row) * at(other); });
            lanes.once([&] { to[t] = factor * product; });
        }
        lanes.meet();
    }

    /// sum = the rows, weighed by factor * weights, added in order.
    template <class Lanes, class T, class C>
    LAFS_HOST_DEVICE static void sum_rows(const Lanes& lanes, const AttentionSizes& n, C factor,
                                          const C* weights, const T* rows, std::int64_t stride, C* sum) {
        for (std::int64_t t = 0; t < n.tokens; ++t)
            add_row(lanes, n.width, factor * weights[t], rows + t * stride, GradientTarget<C>{sum, t > 0});
    }

    /// to (+)= factor * from.
    template <class Lanes, class From, class To, class C>
    LAFS_HOST_DEVICE static void add_row(const Lanes& lanes, std::int64_t width, C factor, const From* from,
                                         const GradientTarget<To>& to) {
        const auto scale = lanes.value(factor);
        lanes.each(width, [&](auto at) { at.put(to, scale * at(from)); });
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
