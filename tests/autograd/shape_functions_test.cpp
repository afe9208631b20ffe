// Functions that move elements, against their definitions element by element; on every device.
#include <lafs/autograd/concatenate.hpp>
#include <lafs/autograd/gather.hpp>
#include <lafs/autograd/reshape.hpp>
#include <lafs/autograd/slice.hpp>
#include <numeric>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {
Var numbers(const Shape& shape, std::uint64_t seed = 1) {
    return {normal(shape, seed), true};
}

/// A copy on the host that is read by index.
struct Elements {
    explicit Elements(const Var& x) : values(host(x)) {}
    double operator()(std::initializer_list<std::int64_t> index) const {
        std::int64_t offset = 0;
        int axis = 0;
        for (const std::int64_t i : index)
            offset = offset * values.shape(axis++) + i;
        return values.data()[offset];
    }
    Tensor<double> values;
};
}  // namespace

TEST_CASE("reshape keeps the order of the elements", "[autograd]") {
    const Var x = numbers({3, 7, 2});
    const Var y = reshape(x, {6, -1});
    CHECK(y.shape() == Shape{6, 7});
    CHECK(y.value().data() == x.value().data());
    check_derivative([](const Inputs& in) -> Var { return reshape(in[0], {-1}) * 2.0; }, {x});
    check_derivative([](const Inputs& in) -> Var { return reshape(in[0], {2, 21}); }, {x});
    CHECK_THROWS_AS(reshape(x, {5, -1}), Error);
}

TEST_CASE("permute moves the axes", "[autograd]") {
    const Var x = numbers({3, 7, 2, 5});
    const Var y = permute(x, {2, 0, -1, 1});
    REQUIRE(y.shape() == Shape{2, 3, 5, 7});
    const Elements from(x), to(y);
    for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t j = 0; j < 7; ++j)
            for (std::int64_t k = 0; k < 2; ++k)
                for (std::int64_t l = 0; l < 5; ++l)
                    REQUIRE(to({k, i, l, j}) == from({i, j, k, l}));
    check_derivative([](const Inputs& in) { return permute(in[0], {2, 0, 3, 1}); }, {x});
    check_derivative(
        [](const Inputs& in) -> Var {
            return permute(in[0], {1, 0}) * permute(in[0], {1, 0});
        },
        {numbers({197, 7})});
    CHECK_THROWS_AS(permute(x, {0, 1, 2}), Error);
    CHECK_THROWS_AS(permute(x, {0, 1, 2, 2}), Error);
}

TEST_CASE("slice takes a range of any axis", "[autograd]") {
    const Var x = numbers({3, 197, 2});
    const Var y = slice(x, 1, 5, 42);
    REQUIRE(y.shape() == Shape{3, 37, 2});
    CHECK(Elements(y)({2, 36, 1}) == Elements(x)({2, 41, 1}));
    check_derivative([](const Inputs& in) { return slice(in[0], 1, 5, 42); }, {x});
    check_derivative([](const Inputs& in) { return slice(in[0], -1, 1, 2); }, {x});
    check_derivative([](const Inputs& in) -> Var { return slice(in[0], 0, 0, 2) * slice(in[0], 0, 1, 3); },
                     {x});
    CHECK(slice(x, 0, 1, 1).shape() == Shape{0, 197, 2});
    CHECK_THROWS_AS(slice(x, 0, 1, 4), Error);
    CHECK_THROWS_AS(slice(x, 3, 0, 1), Error);
}

TEST_CASE("concatenate joins along any axis", "[autograd]") {
    const Var a = numbers({3, 1, 7}, 1), b = numbers({3, 37, 7}, 2), c = numbers({3, 0, 7}, 3);
    const Var y = concatenate({a, b, c, a}, 1);
    REQUIRE(y.shape() == Shape{3, 39, 7});
    CHECK(Elements(y)({1, 0, 6}) == Elements(a)({1, 0, 6}));
    CHECK(Elements(y)({1, 37, 6}) == Elements(b)({1, 36, 6}));
    CHECK(Elements(y)({2, 38, 0}) == Elements(a)({2, 0, 0}));
    check_derivative([](const Inputs& in) { return concatenate({in[0], in[1], in[0]}, 1); }, {a, b});
    check_derivative(
        [](const Inputs& in) {
            return concatenate({in[0], in[1]}, -1);
        },
        {numbers({5, 2}), numbers({5, 3})});
    check_derivative(
        [](const Inputs& in) {
            return concatenate({in[0], in[1]}, 0);
        },
        {numbers({5, 2}), numbers({1, 2})});
    CHECK_THROWS_AS(concatenate({a, numbers({3, 1, 8})}, 1), Error);
    CHECK_THROWS_AS(concatenate({a, numbers({3, 7})}, 1), Error);
    CHECK_THROWS_AS(concatenate(std::span<const Var>(), 0), Error);
}

TEST_CASE("gather picks tokens, index_select rows; what is picked twice gets both gradients", "[autograd]") {
    const Var x = numbers({2, 7, 5});
    const auto indices = Labels::from({2, 4}, {6, 0, 6, 3, 1, 1, 1, 2});
    const Var y = gather(x, indices);
    REQUIRE(y.shape() == Shape{2, 4, 5});
    CHECK(Elements(y)({0, 2, 4}) == Elements(x)({0, 6, 4}));
    CHECK(Elements(y)({1, 3, 0}) == Elements(x)({1, 2, 0}));
    y.backward(DeviceTensor<double>::full(y.shape(), 1.0));
    const auto gradient = host(x.grad());
    CHECK(gradient.data()[(0 * 7 + 6) * 5] == 2.0);
    CHECK(gradient.data()[(1 * 7 + 1) * 5] == 3.0);
    CHECK(gradient.data()[(1 * 7 + 6) * 5] == 0.0);
    x.zero_grad();
    check_derivative([&](const Inputs& in) { return gather(in[0], indices); }, {x});

    const Var table = numbers({37, 1000});
    const auto rows = Labels::from({3}, {36, 2, 36});
    CHECK(Elements(index_select(table, rows))({2, 999}) == Elements(table)({36, 999}));
    check_derivative([&](const Inputs& in) { return index_select(in[0], rows); }, {table});
    check_derivative([&](const Inputs& in) { return index_select(in[0], rows); }, {numbers({37})});

    CHECK_THROWS_AS(gather(x, rows), Error);
    for (const std::int64_t wrong : {7, -1}) {
        const auto outside = Labels::from({2, 1}, {0, wrong});
        if (on_cpu) {
            CHECK_THROWS_AS(gather(x, outside), Error);
            continue;
        }
        const Var picked = gather(x, outside);  // to look would be to wait for the device
        for (std::int64_t k = 0; k < 5; ++k) {
            CHECK(Elements(picked)({0, 0, k}) == Elements(x)({0, 0, k}));
            CHECK(std::isnan(Elements(picked)({1, 0, k})));
        }
        x.zero_grad();
        picked.backward(DeviceTensor<double>::full(picked.shape(), 1.0));
        const auto gradients = x.grad().to_vector();
        CHECK(std::accumulate(gradients.begin(), gradients.end(), 0.0) == 5.0);
    }
    CHECK_THROWS_AS(index_select(table, indices), Error);
}

TEST_CASE("concatenate takes any list of variables", "[autograd]") {
    const Var x(DeviceTensor<double>::from({1, 2}, {1, 2}), true), y(DeviceTensor<double>::from({1, 1}, {3}));
    const std::vector<Var> vector{x, y};
    const std::array<Var, 2> array{x, y};
    const std::vector<double> expected{1, 2, 3};
    CHECK(concatenate(vector, 1).value().to_vector() == expected);
    CHECK(concatenate(array, 1).value().to_vector() == expected);
    CHECK(concatenate(std::span(vector), 1).value().to_vector() == expected);
}

TEST_CASE("variables reshape and slice like tensors", "[autograd]") {
    const Var x(DeviceTensor<double>::from({2, 3}, {1, 2, 3, 4, 5, 6}), true);
    const Var turned = x.reshape({3, -1});
    CHECK(turned.shape() == Shape{3, 2});
    CHECK(turned.value().to_vector() == x.value().to_vector());
    CHECK(x.slice(1, 1, 3).value().to_vector() == std::vector<double>{2, 3, 5, 6});
    CHECK_THROWS_AS(x.reshape({4, -1}), lafs::Error);
    CHECK_THROWS_AS(x.slice(1, 1, 4), lafs::Error);
    check_derivative([](const Inputs& in) { return in[0].reshape({3, -1}).slice(0, 1, 3); }, {x});
}

TEST_CASE("slices by ranges are copies of what the ranges name, with its gradient", "[autograd]") {
    const Var x(DeviceTensor<double>::from({3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), true);
    const Var part = slice(x, {{0, 3, 2}, {1, -1}});
    CHECK(part.shape() == Shape{2, 2});
    CHECK(part.value().to_vector() == std::vector<double>{1, 2, 9, 10});
    part.backward(DeviceTensor<double>::from({2, 2}, {1, 2, 3, 4}));
    CHECK(x.grad().to_vector() == std::vector<double>{0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4, 0});
    const DeviceTensor<double> copied = slice(x.value(), {{}, {0, lafs::Range::all, 3}});
    CHECK(copied.to_vector() == std::vector<double>{0, 3, 4, 7, 8, 11});
    check_derivative([](const Inputs& in) { return slice(in[0], {{1}, {0, 4, 3}}); }, {x});
    CHECK_THROWS_AS(slice(x, {{0, 4}}), lafs::Error);
}
