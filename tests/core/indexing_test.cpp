// Single elements, rows and ranges of tensors.
#include <lafs/core/range.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs::Range, lafs::Shape, lafs::Tensor, lafs::View;
using lafs_test::check_contains;
using lafs_test::message_of;

namespace {

Tensor<int> cube() {
    Tensor<int> x = Tensor<int>::empty({2, 3, 4});
    for (int i = 0; i < 24; ++i)
        x.data()[i] = i;
    return x;
}

/// The elements of a view of up to three axes, in its order.
std::vector<int> elements(const View<int>& view) {
    std::vector<int> result;
    for (std::int64_t i = 0; i < view.shape[0]; ++i)
        for (std::int64_t j = 0; j < view.shape[1]; ++j)
            for (std::int64_t k = 0; k < view.shape[2]; ++k)
                result.push_back(view.data[i * view.stride[0] + j * view.stride[1] + k * view.stride[2]]);
    return result;
}

}  // namespace

TEST_CASE("elements are read and written by one index for each axis", "[core]") {
    const Tensor<int> x = cube();
    CHECK(x.at(0, 0, 0) == 0);
    CHECK(x.at(1, 2, 3) == 23);
    CHECK(x.at(-1, 0, -2) == 14);
    x.at(0, 1, 2) = 99;
    CHECK(x.data()[6] == 99);
    CHECK(Tensor<int>::full({}, 5).at() == 5);
    check_contains(message_of([&] { x.at(0, 3, 0); }),
                   "[index] got 3 on axis 1 of (2, 3, 4), expected -3 .. 2");
    check_contains(message_of([&] { x.at(-3, 0, 0); }), "got -3 on axis 0");
    check_contains(message_of([&] { x.at(0, 1); }), "[at] got 2 indices for (2, 3, 4)");
}

TEST_CASE("an index of the first axis gives what stands there, in the same memory", "[core]") {
    const Tensor<int> x = cube();
    CHECK(x[1].shape() == Shape{3, 4});
    CHECK(x[1][2].to_vector() == std::vector<int>{20, 21, 22, 23});
    CHECK(x[-1][-1][-1].item() == 23);
    x[0][1].zero();
    CHECK(x.at(0, 1, 3) == 0);
    CHECK(x.at(0, 2, 0) == 8);
    check_contains(message_of([&] { x[2]; }), "[index] got 2 on axis 0 of (2, 3, 4), expected -2 .. 1");
    check_contains(message_of([&] { x[0][0][0][0]; }), "without axes");
    CHECK_THROWS_AS(Tensor<int>::empty({0, 2})[0], lafs::Error);
}

TEST_CASE("ranges of several axes are a view", "[core]") {
    const Tensor<int> x = cube();
    const View<int> part = slice(x.view(), {{1, 2}, {0, -1}, {1, Range::all, 2}});
    CHECK(part.shape == Shape{1, 2, 2});
    CHECK(elements(part) == std::vector<int>{13, 15, 17, 19});
    CHECK(elements(slice(x.view(), {{}, {-1}, {0, 4, 3}})) == std::vector<int>{8, 11, 20, 23});
    CHECK(slice(x.view(), {}).shape == x.shape());
    CHECK(slice(x.view(), {{1, 1}}).shape == Shape{0, 3, 4});
    const auto refused = [&](Range range) { return message_of([&] { slice(x.view(), {{}, range}); }); };
    check_contains(refused({0, 4}), "[slice] got [0, 4) in steps of 1 of axis 1 of (2, 3, 4)");
    check_contains(refused({2, 1}), "got [2, 1)");
    check_contains(refused({-4}), "got [-4, 3)");
    check_contains(refused({0, 3, 0}), "in steps of 0");
    check_contains(message_of([&] { slice(x.view(), {{}, {}, {}, {}}); }), "got 4 ranges for (2, 3, 4)");
}
