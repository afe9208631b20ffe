// Min-max scaling of rows by hand and by differences; on every device.
#include <lafs/autograd/min_max.hpp>

#include "device_values.hpp"

namespace {

using namespace lafs_test;

TEST_CASE("min_max scales rows to [0, 1]", "[autograd]") {
    const DeviceVariable<float> x(DeviceTensor<float>::from({2, 5}, {2, 4, -2, 0, 1, 7, 7, 3, 5, 7}));
    const auto y = lafs::min_max(x).value().to_vector();
    const std::vector<float> expected = {4 / 6.f, 1, 0, 2 / 6.f, 3 / 6.f, 1, 1, 0, 0.5, 1};
    for (std::size_t i = 0; i < y.size(); ++i)
        CHECK(y[i] == Approx(expected[i]));
}

TEST_CASE("min_max has the gradients of its formula", "[autograd]") {
    for (const lafs::Shape& shape : {lafs::Shape{3, 2}, lafs::Shape{2, 3, 19}, lafs::Shape{40}}) {
        INFO(shape);
        check_derivative([](const Inputs& in) { return lafs::min_max(in[0]); },
                         {Var(normal(shape, 1), true)});
    }
}

TEST_CASE("min_max shares an extreme's gradient among those that reach it", "[autograd]") {
    const DeviceVariable<double> x(DeviceTensor<double>::from({1, 4}, {0, 0, 2, 1}), true);
    lafs::min_max(x).backward(DeviceTensor<double>::from({1, 4}, {0, 0, 0, 8}));
    // y3 = (1 - low) / (high - low): d/d low = -1/4, d/d high = -1/4, d/d x3 = 1/2.
    CHECK(x.grad().to_vector() == std::vector<double>{-1, -1, -2, 4});
}

TEST_CASE("min_max of equal values is 0 without gradient", "[autograd]") {
    const DeviceVariable<float> x(DeviceTensor<float>::full({2, 7}, 3.5f), true);
    const auto y = lafs::min_max(x);
    CHECK(y.value().to_vector() == std::vector<float>(14, 0.0f));
    y.backward(DeviceTensor<float>::full({2, 7}, 1.0f));
    CHECK(x.grad().to_vector() == std::vector<float>(14, 0.0f));
    CHECK_THROWS_AS(lafs::min_max(DeviceVariable<float>(DeviceTensor<float>::zeros({}))), lafs::Error);
}

}  // namespace
