// The largest elements of each row.
#pragma once

#include <algorithm>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <numeric>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Elements, and where they stand on the last axis.
template <class T, class D>
struct TopK {
    Tensor<T, D> values;
    Tensor<std::int64_t, D> indices;
};

/// The k largest elements over the last axis, (..., n) -> (..., k), largest first; of equal ones that which comes
/// first, and NaN before every number. Computed on the host, whatever the device. Throws unless 0 <= k <= n.
template <class T, class D>
TopK<T, D> topk(const Tensor<T, D>& x, std::int64_t k) {
    require(x.rank() >= 1 && k >= 0 && k <= x.shape(-1), "topk", "got k = ", k, " for ", x.shape(),
            ", expected a last axis of k elements or more");
    if constexpr (!std::is_same_v<D, Cpu>) {
        const TopK<T, Cpu> result = topk(on_host(x), k);
        return {result.values.template to<D>(), result.indices.template to<D>()};
    } else {
        const std::int64_t n = x.shape(-1), rows = n ? x.size() / n : 0;
        const Shape shape = x.shape().with(-1, k);
        const TopK<T, D> result{Tensor<T, D>::empty(shape), Tensor<std::int64_t, D>::empty(shape)};
        parallel_ranges(rows, std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, n)),
                        [&](std::int64_t begin, std::int64_t end) {
                            std::vector<std::int64_t> order(static_cast<std::size_t>(n));
                            for (std::int64_t row = begin; row < end; ++row) {
                                const T* from = x.data() + row * n;
                                std::iota(order.begin(), order.end(), std::int64_t{0});
                                const auto before = [from](std::int64_t a, std::int64_t b) {
                                    const T u = from[a], v = from[b];
                                    // NOLINTNEXTLINE(misc-redundant-expression): NaN alone is not itself
                                    const bool u_nan = u != u, v_nan = v != v;
                                    if (u_nan || v_nan)
                                        return u_nan && (!v_nan || a < b);
                                    return u > v || (u == v && a < b);
                                };
                                std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
                                std::copy_n(order.begin(), k, result.indices.data() + row * k);
                                for (std::int64_t i = 0; i < k; ++i)
                                    result.values.data()[row * k + i] =
                                        from[order[static_cast<std::size_t>(i)]];
                            }
                        });
        return result;
    }
}

}  // namespace lafs::inline LAFS_ABI
