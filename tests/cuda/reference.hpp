// What the tests of CUDA kernels share: plain references, and the check that repeated runs agree in all bits.
#pragma once

#include <functional>
#include <lafs/core/tensor.hpp>
#include <vector>

#include "catch.hpp"

namespace lafs_test {

/// Reverses the order of threads and blocks where kernels are emulated; does nothing on a GPU.
inline std::function<void(bool)>& set_reversed() {
    static std::function<void(bool)> function = [](bool) {};
    return function;
}

/// The results of `run`, which must have the same bits each time, in whatever order threads run.
template <class Run>
auto repeated(const Run& run) {
    const auto first = run();
    set_reversed()(true);
    const auto second = run();
    set_reversed()(false);
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

/// |got - expected| <= tolerance * (1 + largest |expected|), for all elements; for 16-bit types, whose
/// tolerance is no small part of 1, with 1e-6 in its place.
template <class T>
void check_close(const std::vector<T>& got, const std::vector<double>& expected, double tolerance) {
    REQUIRE(got.size() == expected.size());
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double error = std::abs(static_cast<double>(got[i]) - expected[i]);
        largest = std::max(largest, std::abs(expected[i]));
        worst = error > worst || std::isnan(error) ? error : worst;
    }
    CHECK(worst <= tolerance * ((sizeof(T) == 2 ? 1e-6 : 1) + largest));
}

template <class T>
inline constexpr double tolerance = std::is_same_v<T, double> ? 1e-12
                                    : sizeof(T) == 2          ? 1e-2
                                                              : 1e-5;

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
