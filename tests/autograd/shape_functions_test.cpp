#include <lafs/autograd/concatenate.hpp>
#include <lafs/autograd/gather.hpp>
#include <lafs/autograd/reshape.hpp>
#include <lafs/autograd/slice.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"
#include "test_device.hpp"

using namespace lafs;
using lafs_test::Device;
using Var = Variable<double, Device>;
using Inputs = std::vector<Var>;

namespace {
Var numbers(const Shape& shape, std::uint64_t seed = 1) {
    return {normal_tensor<double, Device>(shape, seed), true};
}
double at(const Var& x, std::initializer_list<std::int64_t> index) {
    std::int64_t offset = 0;
    int axis = 0;
    for (const std::int64_t i : index)
        offset = offset * x.shape(axis++) + i;
    return x.value().to_vector()[static_cast<std::size_t>(offset)];
}
template <class Function>
void check(Function function, Inputs inputs) {
    const auto result = check_gradients(function, std::move(inputs));
    INFO(result);
    CHECK(result.ok());
}
}  // namespace

TEST_CASE("reshape keeps the order of the elements", "[autograd]") {
    const Var x = numbers({3, 7, 2});
    const Var y = reshape(x, {6, -1});
    CHECK(y.shape() == Shape{6, 7});
    CHECK(y.value().data() == x.value().data());
    check([](const Inputs& in) -> Var { return reshape(in[0], {-1}) * 2.0; }, Inputs{x});
    check([](const Inputs& in) -> Var { return reshape(in[0], {2, 21}); }, Inputs{x});
    CHECK_THROWS_AS(reshape(x, {5, -1}), Error);
}

TEST_CASE("permute moves the axes", "[autograd]") {
    const Var x = numbers({3, 7, 2, 5});
    const Var y = permute(x, {2, 0, -1, 1});
    REQUIRE(y.shape() == Shape{2, 3, 5, 7});
    for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t j = 0; j < 7; ++j)
            for (std::int64_t k = 0; k < 2; ++k)
                for (std::int64_t l = 0; l < 5; ++l)
                    REQUIRE(at(y, {k, i, l, j}) == at(x, {i, j, k, l}));
    check([](const Inputs& in) { return permute(in[0], {2, 0, 3, 1}); }, Inputs{x});
    check(
        [](const Inputs& in) -> Var {
            return permute(in[0], {1, 0}) * permute(in[0], {1, 0});
        },
        Inputs{numbers({197, 7})});
    CHECK_THROWS_AS(permute(x, {0, 1, 2}), Error);
    CHECK_THROWS_AS(permute(x, {0, 1, 2, 2}), Error);
}

TEST_CASE("slice takes a range of any axis", "[autograd]") {
    const Var x = numbers({3, 197, 2});
    const Var y = slice(x, 1, 5, 42);
    REQUIRE(y.shape() == Shape{3, 37, 2});
    CHECK(at(y, {2, 36, 1}) == at(x, {2, 41, 1}));
    check([](const Inputs& in) { return slice(in[0], 1, 5, 42); }, Inputs{x});
    check([](const Inputs& in) { return slice(in[0], -1, 1, 2); }, Inputs{x});
    check([](const Inputs& in) -> Var { return slice(in[0], 0, 0, 2) * slice(in[0], 0, 1, 3); }, Inputs{x});
    CHECK(slice(x, 0, 1, 1).shape() == Shape{0, 197, 2});
    CHECK_THROWS_AS(slice(x, 0, 1, 4), Error);
    CHECK_THROWS_AS(slice(x, 3, 0, 1), Error);
}

TEST_CASE("concatenate joins along any axis", "[autograd]") {
    const Var a = numbers({3, 1, 7}, 1), b = numbers({3, 37, 7}, 2), c = numbers({3, 0, 7}, 3);
    const Var y = concatenate({a, b, c, a}, 1);
    REQUIRE(y.shape() == Shape{3, 39, 7});
    CHECK(at(y, {1, 0, 6}) == at(a, {1, 0, 6}));
    CHECK(at(y, {1, 37, 6}) == at(b, {1, 36, 6}));
    CHECK(at(y, {2, 38, 0}) == at(a, {2, 0, 0}));
    check([](const Inputs& in) { return concatenate({in[0], in[1], in[0]}, 1); }, Inputs{a, b});
    check(
        [](const Inputs& in) {
            return concatenate({in[0], in[1]}, -1);
        },
        Inputs{numbers({5, 2}), numbers({5, 3})});
    check(
        [](const Inputs& in) {
            return concatenate({in[0], in[1]}, 0);
        },
        Inputs{numbers({5, 2}), numbers({1, 2})});
    CHECK_THROWS_AS(concatenate({a, numbers({3, 1, 8})}, 1), Error);
    CHECK_THROWS_AS(concatenate({a, numbers({3, 7})}, 1), Error);
    CHECK_THROWS_AS(concatenate(std::span<const Var>(), 0), Error);
}

TEST_CASE("gather picks tokens, index_select rows; what is picked twice gets both gradients", "[autograd]") {
    const Var x = numbers({2, 7, 5});
    const auto indices = Tensor<std::int64_t, Device>::from({2, 4}, {6, 0, 6, 3, 1, 1, 1, 2});
    const Var y = gather(x, indices);
    REQUIRE(y.shape() == Shape{2, 4, 5});
    CHECK(at(y, {0, 2, 4}) == at(x, {0, 6, 4}));
    CHECK(at(y, {1, 3, 0}) == at(x, {1, 2, 0}));
    y.backward(Tensor<double, Device>::full(y.shape(), 1.0));
    CHECK(x.grad().data()[(0 * 7 + 6) * 5] == 2.0);
    CHECK(x.grad().data()[(1 * 7 + 1) * 5] == 3.0);
    CHECK(x.grad().data()[(1 * 7 + 6) * 5] == 0.0);
    x.zero_grad();
    check([&](const Inputs& in) { return gather(in[0], indices); }, Inputs{x});

    const Var table = numbers({37, 1000});
    const auto rows = Tensor<std::int64_t, Device>::from({3}, {36, 2, 36});
    CHECK(at(index_select(table, rows), {2, 999}) == at(table, {36, 999}));
    check([&](const Inputs& in) { return index_select(in[0], rows); }, Inputs{table});
    check([&](const Inputs& in) { return index_select(in[0], rows); }, {numbers({37})});

    CHECK_THROWS_AS(gather(x, rows), Error);
    CHECK_THROWS_AS(gather(x, Tensor<std::int64_t, Device>::from({2, 1}, {0, 7})), Error);
    CHECK_THROWS_AS(gather(x, Tensor<std::int64_t, Device>::from({2, 1}, {0, -1})), Error);
    CHECK_THROWS_AS(index_select(table, indices), Error);
}
