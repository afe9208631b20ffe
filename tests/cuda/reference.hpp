// What the tests of CUDA kernels share: plain references, and the check that repeated runs agree in all bits.
#pragma once

#include <functional>
#include <lafs/core/tensor.hpp>
#include <vector>

#include "catch.hpp"
#include "close.hpp"

namespace lafs_test {

/// In which order emulated threads and blocks run; `varied`: another from launch to launch.
enum class ThreadOrder { ascending, descending, varied };

/// Sets the order where kernels are emulated; does nothing on a GPU.
inline std::function<void(ThreadOrder)>& set_order() {
    static std::function<void(ThreadOrder)> function = [](ThreadOrder) {};
    return function;
}

/// The results of `run`, which must have the same bits each time, in whatever order threads run.
template <class Run>
auto repeated(const Run& run) {
    set_order()(ThreadOrder::ascending);
    const auto first = run();
    set_order()(ThreadOrder::descending);
    const auto second = run();
    set_order()(ThreadOrder::varied);
    CHECK(first == second);
    CHECK(first == run());
    return first;
}

/// Offset in a contiguous tensor of `shape` of what stands at the flat `index` of the shape it broadcasts to.
inline std::int64_t broadcast_offset(std::int64_t index, const lafs::Shape& to, const lafs::Shape& shape) {
    std::int64_t offset = 0, step = 1;
    for (int axis = 1; axis <= to.rank(); ++axis) {
        const std::int64_t size = to[-axis], at = index % size;
        index /= size;
        if (axis <= shape.rank() && shape[-axis] > 1) {
            offset += at * step;
            step *= shape[-axis];
        }
    }
    return offset;
}

/// The tensor, its values moved to some that T holds exactly where T has few bits.
template <class T>
lafs::Tensor<double> exact(lafs::Tensor<double> x) {
    if constexpr (sizeof(T) == 2)
        for (double& value : x.span())
            value = std::round(value * 16) / 16;
    return x;
}

/// The values of a host tensor, and the tensor on the GPU in another element type.
template <class T>
lafs::Tensor<T, lafs::Cuda> on_gpu(const lafs::Tensor<double>& x) {
    auto converted = lafs::Tensor<T>::empty(x.shape());
    for (std::int64_t i = 0; i < x.size(); ++i)
        converted.data()[i] = static_cast<T>(x.data()[i]);
    return converted.template to<lafs::Cuda>();
}

}  // namespace lafs_test
