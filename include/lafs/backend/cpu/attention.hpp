// Attention on the CPU (contract: primitives/attention.hpp), after FlashAttention (Dao et al., 2022).
//
// One task computes one head of one image; it walks panels of queries whose scores lie transposed (key,
// query) in the first-level cache, so that the softmax runs down the panel, vectorised over queries. All sums
// are in an order fixed by the shapes.
#pragma once

#include <lafs/backend/cpu/attention_tiles.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/primitives/attention.hpp>
#include <lafs/primitives/gradient_target.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// One head's rows in scratch memory: contiguous, padded to whole tiles and packs.
template <class C>
struct HeadLayout {
    std::int64_t leading, padded;

    explicit HeadLayout(const AttentionSizes& n)
        : leading(round_up(n.width, Pack<C>::width)), padded(round_up(n.tokens, AttentionTile<C>::rows)) {}
    std::int64_t size() const { return leading * padded; }
};

/// Softmax over the keys of a panel (keys, columns), not yet divided by `sum`; log sum exp per query.
template <class C>
LAFS_FLATTEN void softmax_panel(std::int64_t keys, C* scores, C* sum, C* log_sum) {
    constexpr int packs = AttentionTile<C>::packs, width = Pack<C>::width, columns = packs * width;
    using V = Pack<C>;
    V largest[packs], total[packs];
    unroll<packs>([&](auto j) {
        largest[j] = V(-std::numeric_limits<C>::infinity());
        total[j] = V(0);
    });
    for (std::int64_t k = 0; k < keys; ++k)
        unroll<packs>(
            [&](auto j) { largest[j] = maximum(largest[j], load(scores + k * columns + j * width)); });
    for (std::int64_t k = 0; k < keys; ++k)
        unroll<packs>([&](auto j) {
            C* at = scores + k * columns + j * width;
            const V e = exp(load(at) - largest[j]);
            store(at, e);
            total[j] = total[j] + e;
        });
    unroll<packs>([&](auto j) {
        store(sum + j * width, total[j]);
        store(log_sum + j * width, largest[j] + log(total[j]));
    });
}

/// Queries [first, last) of one head. `qkv` and `y` point at the head's first element of the image.
template <class T, class C>
void attend_head(const AttentionSizes& n, const T* qkv, C scale, std::int64_t first, std::int64_t last, T* y,
                 C* log_sum) {
    constexpr int columns = AttentionTile<C>::columns;
    const HeadLayout<C> layout(n);
    const std::int64_t ld = layout.leading, row = n.row();
    const auto scratch = Tensor<C>::empty({2 * layout.size() + layout.padded * columns + columns * 3 * ld});
    C* keys = scratch.data();
    C* values = keys + layout.size();
    C* scores = values + layout.size();
    C* queries = scores + layout.padded * columns;
    C* out = queries + columns * ld;
    C* transposed = out + columns * ld;
    copy_rows(qkv + row, 3 * row, n.tokens, layout.padded, n.width, C(1), keys, ld);
    copy_rows(qkv + 2 * row, 3 * row, n.tokens, layout.padded, n.width, C(1), values, ld);
    for (std::int64_t q = first; q < last; q += columns) {
        const std::int64_t count = std::min<std::int64_t>(columns, last - q),
                           padded = round_up(count, Pack<C>::width);
        alignas(64) C sum[columns], log_sums[columns];
        copy_rows(qkv + q * 3 * row, 3 * row, count, padded, n.width, scale, queries, ld);
        transpose_panel(queries, ld, padded, n.width, transposed);
        multiply_tiles(n.tokens, count, n.width, {keys, ld, 1}, transposed, columns, false, scores, columns);
        softmax_panel(n.tokens, scores, sum, log_sums);
        multiply_tiles(count, n.width, n.tokens, {scores, 1, columns}, values, ld, false, out, ld);
        put_rows(
            out, ld, count, n.width, [&](std::int64_t i) { return 1 / sum[i]; }, y + q * row, row, false);
        std::copy_n(log_sums, count, log_sum + q);
    }
}

/// The probabilities of a block of keys, in place of the scores s, and the gradients ds of the scores, from
/// those of the probabilities, dp.
template <class C>
LAFS_FLATTEN void probability_gradients(std::int64_t keys, const C* log_sum, const C* delta, C* s,
                                        const C* dp, C* ds) {
    constexpr int packs = AttentionTile<C>::packs, width = Pack<C>::width, columns = packs * width;
    Pack<C> shift[packs], inner[packs];
    unroll<packs>([&](auto j) {
        shift[j] = load(log_sum + j * width);
        inner[j] = load(delta + j * width);
    });
    for (std::int64_t k = 0; k < keys; ++k)
        unroll<packs>([&](auto j) {
            const std::int64_t at = k * columns + j * width;
            const Pack<C> p = attention_probability(load(s + at), shift[j]);
            store(s + at, p);
            store(ds + at, attention_score_gradient(p, load(dp + at), inner[j]));
        });
}

/// The backward pass of one head: pointers at the head's first element, as in attend_head.
template <class T, class C>
class HeadBackward {
public:
    HeadBackward(const AttentionSizes& n, C scale)
        : n_(n),
          layout_(n),
          scale_(scale),
          scratch_(Tensor<C>::empty({4 * layout_.size() + layout_.padded * columns + 2 * key_block * columns +
                                     5 * layout_.leading * columns})) {
        C* next = scratch_.data();
        const auto take = [&](std::int64_t size) { return std::exchange(next, next + size); };
        keys_ = take(layout_.size());
        values_ = take(layout_.size());
        dkeys_ = take(layout_.size());
        dvalues_ = take(layout_.size());
        dscores_ = take(layout_.padded * columns);
        scores_ = take(key_block * columns);
        products_ = take(key_block * columns);
        queries_ = take(layout_.leading * columns);
        grads_ = take(layout_.leading * columns);
        dqueries_ = take(layout_.leading * columns);
        queries_transposed_ = take(layout_.leading * columns);
        grads_transposed_ = take(layout_.leading * columns);
    }

    void run(const T* qkv, const T* y, const T* g, const C* log_sum, const GradientTarget<T>& dqkv) {
        const std::int64_t row = n_.row(), ld = layout_.leading;
        copy_rows(qkv + row, 3 * row, n_.tokens, layout_.padded, n_.width, C(1), keys_, ld);
        copy_rows(qkv + 2 * row, 3 * row, n_.tokens, layout_.padded, n_.width, C(1), values_, ld);
        for (std::int64_t q = 0; q < n_.tokens; q += columns)
            run_panel(q, qkv, y, g, log_sum, dqkv);
        const auto put = [&](const C* from, T* to) {
            put_rows(
                from, ld, n_.tokens, n_.width, [](std::int64_t) { return C(1); }, to, 3 * row,
                dqkv.accumulate);
        };
        put(dkeys_, dqkv.data + row);
        put(dvalues_, dqkv.data + 2 * row);
    }

private:
    static constexpr int columns = AttentionTile<C>::columns;
    static constexpr std::int64_t key_block = 64;

    void run_panel(std::int64_t q, const T* qkv, const T* y, const T* g, const C* log_sum,
                   const GradientTarget<T>& dqkv) {
        const std::int64_t row = n_.row(), ld = layout_.leading,
                           count = std::min<std::int64_t>(columns, n_.tokens - q),
                           padded = round_up(count, Pack<C>::width);
        alignas(64) C log_sums[columns] = {}, delta[columns] = {};
        std::copy_n(log_sum + q, count, log_sums);
        copy_rows(qkv + q * 3 * row, 3 * row, count, padded, n_.width, scale_, queries_, ld);
        copy_rows(y + q * row, row, count, count, n_.width, C(1), dqueries_, ld);
        copy_rows(g + q * row, row, count, padded, n_.width, C(1), grads_, ld);
        for (std::int64_t i = 0; i < count; ++i)
            delta[i] = row_product(grads_ + i * ld, dqueries_ + i * ld);
        transpose_panel(queries_, ld, padded, n_.width, queries_transposed_);
        transpose_panel(grads_, ld, padded, n_.width, grads_transposed_);

        for (std::int64_t k = 0; k < n_.tokens; k += key_block) {
            const std::int64_t block = std::min(key_block, n_.tokens - k);
            C* dscores = dscores_ + k * columns;
            multiply_tiles(block, count, n_.width, {keys_ + k * ld, ld, 1}, queries_transposed_, columns,
                           false, scores_, columns);
            multiply_tiles(block, count, n_.width, {values_ + k * ld, ld, 1}, grads_transposed_, columns,
                           false, products_, columns);
            probability_gradients(block, log_sums, delta, scores_, products_, dscores);
            multiply_tiles(block, n_.width, count, {scores_, columns, 1}, grads_, ld, q > 0,
                           dvalues_ + k * ld, ld);
            multiply_tiles(block, n_.width, count, {dscores, columns, 1}, queries_, ld, q > 0,
                           dkeys_ + k * ld, ld);
        }
        multiply_tiles(count, n_.width, n_.tokens, {dscores_, 1, columns}, keys_, ld, false, dqueries_, ld);
        put_rows(
            dqueries_, ld, count, n_.width, [&](std::int64_t) { return scale_; }, dqkv.data + q * 3 * row,
            3 * row, dqkv.accumulate);
    }

    /// The inner product of two padded rows.
    C row_product(const C* a, const C* b) const {
        Pack<C> sum(0);
        for (std::int64_t k = 0; k < layout_.leading; k += Pack<C>::width)
            sum = sum + load(a + k) * load(b + k);
        return sum.sum();
    }

    AttentionSizes n_;
    HeadLayout<C> layout_;
    C scale_;
    Tensor<C> scratch_;
    C *keys_, *values_, *dkeys_, *dvalues_, *dscores_, *scores_, *products_, *queries_, *grads_, *dqueries_,
        *queries_transposed_, *grads_transposed_;
};

}  // namespace cpu

template <class T, class C>
void attention_forward(Cpu, const AttentionSizes& n, const T* qkv, C scale, T* y, C* log_sum) {
    constexpr std::int64_t panel = cpu::AttentionTile<C>::columns, wanted = 16;
    const std::int64_t heads = n.batch * n.heads, panels = (n.tokens + panel - 1) / panel;
    if (heads * panels * n.width == 0)
        return;
    // Few heads, as for one image: their panels are shared out too.
    const std::int64_t groups = std::min(panels, (wanted + heads - 1) / heads),
                       per_group = (panels + groups - 1) / groups * panel;
    count_launch();
    parallel_for(heads * groups, [&](std::int64_t task) {
        const std::int64_t head = task / groups, first = task % groups * per_group;
        const std::int64_t offset = head / n.heads * n.tokens * n.row(), column = head % n.heads * n.width;
        if (first < n.tokens)
            cpu::attend_head(n, qkv + 3 * offset + column, scale, first,
                             std::min(first + per_group, n.tokens), y + offset + column,
                             log_sum + head * n.tokens);
    });
}

template <class T, class C>
void attention_backward(Cpu, const AttentionSizes& n, const T* qkv, C scale, const T* y, const T* g,
                        const C* log_sum, const GradientTarget<T>& dqkv) {
    if (n.batch * n.tokens * n.row() == 0)
        return;
    count_launch();
    parallel_for(n.batch * n.heads, [&](std::int64_t head) {
        const std::int64_t offset = head / n.heads * n.tokens * n.row(), column = head % n.heads * n.width,
                           at = offset + column;
        cpu::HeadBackward<T, C>(n, scale).run(qkv + 3 * offset + column, y + at, g + at,
                                              log_sum + head * n.tokens,
                                              {dqkv.data + 3 * offset + column, dqkv.accumulate});
    });
}

}  // namespace lafs::inline LAFS_ABI
