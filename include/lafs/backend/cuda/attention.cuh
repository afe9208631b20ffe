// Attention on the GPU (contract: primitives/attention.hpp), after FlashAttention (Dao et al., 2022).
//
// A block owns a tile of queries of one head and walks the tiles of keys, with the softmax's largest score and
// sum carried along; thread (i, j) of a tile makes the score of query i and key j, and then the columns j, j +
// tile ... of row i of the result. The backward pass walks twice, once for the queries and once for the keys and
// values, so that every sum has one owner: no atomics. Tiles are in shared memory in the compute type.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/unroll.hpp>
#include <lafs/primitives/attention.hpp>
#include <lafs/primitives/gradient_target.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// Tiles of rows that are at most `capacity` wide, in the compute type C: as many rows as four tiles fit in a
/// block's static shared memory.
template <class C, int capacity>
struct HeadTile {
    static constexpr int rows = capacity * static_cast<int>(sizeof(C)) <= 512 ? 16 : 8;
    static constexpr int columns = capacity / rows;  ///< of the result that a thread makes
    static constexpr int threads = rows * rows;
    C row[rows][capacity + 1];  // one more: neighbours in a column are in different banks

    /// factor * rows [first, first + rows) of one head; zeros beyond `tokens` and `width`.
    template <class T>
    __device__ void load(const T* from, std::int64_t stride, std::int64_t first, const AttentionSizes& n,
                         C factor) {
        for (int at = static_cast<int>(threadIdx.x); at < rows * capacity; at += threads) {
            const int i = at / capacity, d = at % capacity;
            row[i][d] = first + i < n.tokens && d < n.width
                            ? factor * static_cast<C>(from[(first + i) * stride + d])
                            : C(0);
        }
    }
};

/// The inner product of two rows.
template <int capacity, class C>
__device__ C row_product(const C* a, const C* b) {
    C sum(0);
    for (int d = 0; d < capacity; ++d)
        sum += a[d] * b[d];
    return sum;
}

/// The numbers of `width` neighbouring threads combined, as across_warp.
template <int width, class C, class Combine>
__device__ C across_lanes(C own, const Combine& combine) {
    for (int distance = width / 2; distance > 0; distance /= 2)
        own = combine(own, __shfl_xor_sync(0xFFFFFFFFu, own, distance));
    return own;
}

/// What a block works on: a tile of a head.
struct HeadPlace {
    std::int64_t head, first, offset;  ///< first row; where the head begins in y

    __device__ HeadPlace(const AttentionSizes& n, int rows) {
        const std::int64_t tiles = (n.tokens + rows - 1) / rows;
        head = blockIdx.x / tiles;
        first = blockIdx.x % tiles * rows;
        offset = head / n.heads * n.tokens * n.row() + head % n.heads * n.width;
    }
    /// Where it begins in qkv.
    __device__ std::int64_t packed(const AttentionSizes& n) const {
        return offset + 2 * (head / n.heads) * n.tokens * n.row();
    }
};

template <int capacity, class T, class C>
__global__ void attention_forward_kernel(AttentionSizes n, const T* qkv, C scale, T* y, C* log_sum) {
    using Tile = HeadTile<C, capacity>;
    constexpr int rows = Tile::rows;
    __shared__ Tile queries, others;
    __shared__ C e[rows][rows + 1];
    const HeadPlace place(n, rows);
    const int i = static_cast<int>(threadIdx.x) / rows, j = static_cast<int>(threadIdx.x) % rows;
    const std::int64_t row = n.row(), stride = 3 * row;
    const T* q = qkv + place.packed(n);
    queries.load(q, stride, place.first, n, scale);
    C largest = -infinity<C>, total(0), out[Tile::columns] = {};
    for (std::int64_t first = 0; first < n.tokens; first += rows) {
        __syncthreads();  // the tiles were read
        others.load(q + row, stride, first, n, C(1));
        __syncthreads();
        const C score =
            first + j < n.tokens ? row_product<capacity>(queries.row[i], others.row[j]) : -infinity<C>;
        const C before = largest;
        largest = maximum(before, across_lanes<rows>(score, [](C a, C b) { return maximum(a, b); }));
        const C own = exp(score - largest), shrink = exp(before - largest);
        total = total * shrink + across_lanes<rows>(own, [](C a, C b) { return a + b; });
        e[i][j] = own;
        __syncthreads();  // the keys were read
        others.load(q + 2 * row, stride, first, n, C(1));
        __syncthreads();
        for (int c = 0; c < Tile::columns; ++c) {
            C sum = out[c] * shrink;
            for (int k = 0; k < rows; ++k)
                sum += e[i][k] * others.row[k][j + c * rows];
            out[c] = sum;
        }
    }
    if (place.first + i >= n.tokens)
        return;
    T* to = y + place.offset + (place.first + i) * row;
    for (int c = 0; c < Tile::columns; ++c)
        if (const int d = j + c * rows; d < n.width)
            to[d] = static_cast<T>(out[c] / total);
    if (j == 0)
        log_sum[place.head * n.tokens + place.first + i] = largest + log(total);
}

/// inner (batch, heads, tokens) = sum g y.
template <class T, class C>
__global__ void attention_inner_kernel(AttentionSizes n, const T* y, const T* g, C* inner) {
    each_element(n.batch * n.heads * n.tokens * warp_threads,
                 [=](std::int64_t thread) {  // a warp stays together
                     const std::int64_t at = thread / warp_threads, head = at / n.tokens;
                     const std::int64_t from =
                         (head / n.heads * n.tokens + at % n.tokens) * n.row() + head % n.heads * n.width;
                     C sum(0);
                     for (std::int64_t d = thread % warp_threads; d < n.width; d += warp_threads)
                         sum += static_cast<C>(y[from + d]) * static_cast<C>(g[from + d]);
                     sum = across_warp(sum, [](C a, C b) { return a + b; });
                     if (thread % warp_threads == 0)
                         inner[at] = sum;
                 });
}

/// The probability of query i and key j of two tiles, and the gradient of their score.
template <int capacity, class Tile, class C>
__device__ void score_gradient(const Tile& queries, const Tile& keys, const Tile& grads, const Tile& values,
                               int i, int j, bool exists, C log_sum, C inner, C& p, C& ds) {
    p = exists ? attention_probability(row_product<capacity>(queries.row[i], keys.row[j]), log_sum) : C(0);
    ds = attention_score_gradient(p, row_product<capacity>(grads.row[i], values.row[j]), inner);
}

/// Puts a thread's columns of row i of a tile.
template <class Tile, class T, class C>
__device__ void put_columns(const AttentionSizes& n, const C (&values)[Tile::columns], C factor, int j, T* to,
                            bool accumulate) {
    for (int c = 0; c < Tile::columns; ++c)
        if (const int d = j + c * Tile::rows; d < n.width)
            to[d] = static_cast<T>(factor * values[c] + (accumulate ? static_cast<C>(to[d]) : C(0)));
}

/// dq: a block for each tile of queries.
template <int capacity, class T, class C>
__global__ void attention_queries_kernel(AttentionSizes n, const T* qkv, C scale, const T* g,
                                         const C* log_sum, const C* inner, GradientTarget<T> dqkv) {
    using Tile = HeadTile<C, capacity>;
    constexpr int rows = Tile::rows;
    __shared__ Tile queries, grads, keys, values;
    __shared__ C ds[rows][rows + 1];
    const HeadPlace place(n, rows);
    const int i = static_cast<int>(threadIdx.x) / rows, j = static_cast<int>(threadIdx.x) % rows;
    const std::int64_t row = n.row(), stride = 3 * row, query = place.first + i;
    const T* q = qkv + place.packed(n);
    queries.load(q, stride, place.first, n, scale);
    grads.load(g + place.offset, row, place.first, n, C(1));
    const bool exists = query < n.tokens;
    const C own_log_sum = exists ? log_sum[place.head * n.tokens + query] : C(0),
            own_inner = exists ? inner[place.head * n.tokens + query] : C(0);
    C sums[Tile::columns] = {};
    for (std::int64_t first = 0; first < n.tokens; first += rows) {
        __syncthreads();  // the tiles were read
        keys.load(q + row, stride, first, n, C(1));
        values.load(q + 2 * row, stride, first, n, C(1));
        __syncthreads();
        C p, own;
        score_gradient<capacity>(queries, keys, grads, values, i, j, exists && first + j < n.tokens,
                                 own_log_sum, own_inner, p, own);
        ds[i][j] = own;
        __syncthreads();
        for (int c = 0; c < Tile::columns; ++c)
            for (int k = 0; k < rows; ++k)
                sums[c] += ds[i][k] * keys.row[k][j + c * rows];
    }
    if (exists)
        put_columns<Tile>(n, sums, scale, j, dqkv.data + place.packed(n) + query * stride, dqkv.accumulate);
}

/// dk and dv: a block for each tile of keys.
template <int capacity, class T, class C>
__global__ void attention_keys_kernel(AttentionSizes n, const T* qkv, C scale, const T* g, const C* log_sum,
                                      const C* inner, GradientTarget<T> dqkv) {
    using Tile = HeadTile<C, capacity>;
    constexpr int rows = Tile::rows;
    __shared__ Tile queries, grads, keys, values;
    __shared__ C p[rows][rows + 1], ds[rows][rows + 1];
    const HeadPlace place(n, rows);
    const int i = static_cast<int>(threadIdx.x) / rows, j = static_cast<int>(threadIdx.x) % rows;
    const std::int64_t row = n.row(), stride = 3 * row;
    const T* q = qkv + place.packed(n);
    keys.load(q + row, stride, place.first, n, C(1));
    values.load(q + 2 * row, stride, place.first, n, C(1));
    C dkeys[Tile::columns] = {}, dvalues[Tile::columns] = {};
    for (std::int64_t first = 0; first < n.tokens; first += rows) {
        __syncthreads();  // the tiles were read
        queries.load(q, stride, first, n, scale);
        grads.load(g + place.offset, row, first, n, C(1));
        __syncthreads();
        const bool exists = first + i < n.tokens;
        const std::int64_t query = place.head * n.tokens + (exists ? first + i : 0);
        score_gradient<capacity>(queries, keys, grads, values, i, j, exists && place.first + j < n.tokens,
                                 log_sum[query], inner[query], p[i][j], ds[i][j]);
        __syncthreads();
        for (int c = 0; c < Tile::columns; ++c)
            for (int k = 0; k < rows; ++k) {
                dvalues[c] += p[k][i] * grads.row[k][j + c * rows];
                dkeys[c] += ds[k][i] * queries.row[k][j + c * rows];
            }
    }
    if (place.first + i >= n.tokens)
        return;
    T* to = dqkv.data + place.packed(n) + (place.first + i) * stride;
    put_columns<Tile>(n, dkeys, C(1), j, to + row, dqkv.accumulate);  // scale is in the queries
    put_columns<Tile>(n, dvalues, C(1), j, to + 2 * row, dqkv.accumulate);
}

/// Runs body(capacity) with the capacity for heads of this width. Throws when they are too wide.
template <class Body>
void with_head_capacity(std::int64_t width, const Body& body) {
    require(width <= 128, "attention", "got heads ", width, " wide, expected at most 128 on a GPU");
    if (width <= 32)
        body(Index<32>{});
    else if (width <= 64)
        body(Index<64>{});
    else
        body(Index<128>{});
}

/// Launches a kernel with a block for each tile of each head.
template <class Tile, class Kernel, class... Arguments>
void launch_heads(Kernel kernel, const AttentionSizes& n, const Arguments&... arguments) {
    const std::int64_t blocks = n.batch * n.heads * ((n.tokens + Tile::rows - 1) / Tile::rows);
    require(blocks < (std::int64_t{1} << 31), "attention", "got ", blocks,
            " blocks of work, expected below 2^31");
    if (blocks > 0)
        launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(Tile::threads), stream(), n, arguments...);
}

}  // namespace cuda

template <class T, class C>
void attention_forward(Cuda, const AttentionSizes& n, const T* qkv, C scale, T* y, C* log_sum) {
    cuda::with_head_capacity(n.width, [&](auto capacity) {
        constexpr int width = decltype(capacity)::value;
        cuda::launch_heads<cuda::HeadTile<C, width>>(cuda::attention_forward_kernel<width, T, C>, n, qkv,
                                                     scale, y, log_sum);
    });
}

template <class T, class C>
void attention_backward(Cuda, const AttentionSizes& n, const T* qkv, C scale, const T* y, const T* g,
                        const C* log_sum, const GradientTarget<T>& dqkv) {
    const std::int64_t rows = n.batch * n.heads * n.tokens;
    const auto inner = Tensor<C, Cuda>::empty({rows});
    cuda::launch_elements(cuda::attention_inner_kernel<T, C>, rows * cuda::warp_threads, n, y, g,
                          inner.data());
    cuda::with_head_capacity(n.width, [&](auto capacity) {
        constexpr int width = decltype(capacity)::value;
        using Tile = cuda::HeadTile<C, width>;
        cuda::launch_heads<Tile>(cuda::attention_queries_kernel<width, T, C>, n, qkv, scale, g, log_sum,
                                 inner.data(), dqkv);
        cuda::launch_heads<Tile>(cuda::attention_keys_kernel<width, T, C>, n, qkv, scale, g, log_sum,
                                 inner.data(), dqkv);
    });
}

}  // namespace lafs::inline LAFS_ABI
