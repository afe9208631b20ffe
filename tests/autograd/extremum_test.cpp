// Largest and smallest elements over an axis: values, places of the gradient, ties; on every device.
#include <lafs/autograd/extremum.hpp>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Shape;

namespace {

Var variable(const Shape& shape, std::initializer_list<double> values) {
    return Var(DeviceTensor<double>::from(shape, values), true);
}

}  // namespace

TEST_CASE("max_over and min_over send the gradient to the first element that reaches the value",
          "[autograd]") {
    const Var x = variable({2, 3}, {1, 5, 5, -2, -7, -7});
    const DeviceTensor<double> ones = DeviceTensor<double>::full({2}, 1);
    const Var largest = max_over(x, 1);
    CHECK(largest.value().to_vector() == std::vector<double>{5, -2});
    largest.backward(ones);
    CHECK(x.grad().to_vector() == std::vector<double>{0, 1, 0, 1, 0, 0});
    max_over(x, 1).backward(ones);  // gradients add
    CHECK(x.grad().to_vector() == std::vector<double>{0, 2, 0, 2, 0, 0});
    x.zero_grad();
    const Var smallest = min_over(x, -1);
    CHECK(smallest.value().to_vector() == std::vector<double>{1, -7});
    smallest.backward(ones);
    CHECK(x.grad().to_vector() == std::vector<double>{1, 0, 0, 0, 1, 0});
}

TEST_CASE("max_over along a long axis finds the first of equal values wherever it lies", "[autograd]") {
    for (const std::int64_t place : {0, 31, 32, 500, 998}) {
        std::vector<double> values(999, -3.0);
        for (std::int64_t k = place; k < 999; k += 7)
            values[static_cast<std::size_t>(k)] = 2.5;
        const Var x(DeviceTensor<double>::from({1, 999}, values), true);
        const Var y = max_over(x, 1);
        CHECK(y.item() == 2.5);
        y.backward(DeviceTensor<double>::full({1}, 4));
        std::vector<double> expected(999, 0.0);
        expected[static_cast<std::size_t>(place)] = 4;
        CHECK(x.grad().to_vector() == expected);
    }
}

TEST_CASE("max_over and min_over have the gradients of their formula over every axis", "[autograd]") {
    for (const std::int64_t n : {1, 7, 197}) {
        const Var x(normal({2, n, 3}, 1), true);
        for (const int axis : {0, 1, 2}) {
            check_derivative([axis](const Inputs& in) { return max_over(in[0], axis); }, {x});
            check_derivative([axis](const Inputs& in) { return min_over(in[0], axis); }, {x});
        }
    }
}

TEST_CASE("max of a variable and a whole number is element-wise", "[autograd]") {
    const Var x = variable({2, 2}, {0.5, 2, -1, 1});
    const Var y = max(x, 1);
    CHECK(y.value().to_vector() == std::vector<double>{1, 2, 1, 1});
}

TEST_CASE("max_over of 16-bit elements", "[autograd]") {
    using lafs::bfloat16;
    const DeviceVariable<bfloat16> x(
        DeviceTensor<bfloat16>::from({1, 3}, {bfloat16(1.0f), bfloat16(-2.0f), bfloat16(3.0f)}), true);
    const auto y = max_over(x, 1);
    CHECK(static_cast<float>(y.item()) == 3.0f);
    y.backward(DeviceTensor<bfloat16>::full({1}, bfloat16(0.5f)));
    CHECK(static_cast<float>(x.grad().to_vector()[2]) == 0.5f);
    CHECK(static_cast<float>(x.grad().to_vector()[1]) == 0.0f);
}

TEST_CASE("max_over of an empty axis is an error, of no rows is empty", "[autograd]") {
    CHECK_THROWS_AS(max_over(Var(DeviceTensor<double>::zeros({3, 0})), 1), lafs::Error);
    CHECK_THROWS_AS(max_over(Var(DeviceTensor<double>::zeros({3, 2})), 2), lafs::Error);
    CHECK(min_over(Var(DeviceTensor<double>::zeros({0, 2})), 1).shape() == Shape{0});
}

TEST_CASE("argmax and argmin say where the first extreme stands, of whatever has elements", "[autograd]") {
    const Var x = variable({2, 3}, {1, 5, 5, NAN, -7, -7});
    using Places = std::vector<std::int64_t>;
    CHECK(argmax(x, 1).to_vector() == Places{1, 0});
    CHECK(argmin(x.value(), -1).to_vector() == Places{0, 0});
    CHECK(argmax(x * -1, 0).to_vector() == Places{1, 1, 1});
    CHECK(argmin(x.value() * -1, 0).to_vector() == Places{1, 0, 0});
    CHECK_THROWS_AS(argmax(DeviceTensor<double>::zeros({2, 0}), 1), lafs::Error);
    CHECK_THROWS_AS(argmax(x, 2), lafs::Error);
}
