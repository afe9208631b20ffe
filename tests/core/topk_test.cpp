// The largest elements of rows: order, ties, NaN, sizes at the limits; against a stable sort.
#include <lafs/core/topk.hpp>
#include <numeric>

#include "device_values.hpp"

using namespace lafs_test;
using Places = std::vector<std::int64_t>;

TEST_CASE("topk gives the largest elements of rows in order, with their places", "[core]") {
    const auto x = DeviceTensor<float>::from({2, 5}, {3, 1, 3, 7, 2, NAN, -1, NAN, INFINITY, -INFINITY});
    const auto [values, places] = topk(x, 3);
    CHECK(places.to_vector() == Places{3, 0, 2, 0, 2, 3});  // of equal ones the first; NaN is the largest
    const std::vector<float> v = values.to_vector();
    CHECK(std::vector<float>(v.begin(), v.begin() + 3) == std::vector<float>{7, 3, 3});
    CHECK(std::isnan(v[3]));
    CHECK(std::isnan(v[4]));
    CHECK(v[5] == INFINITY);
    CHECK(topk(x, 0).values.shape() == lafs::Shape{2, 0});
    CHECK(topk(DeviceTensor<std::int64_t>::from({3}, {5, 1LL << 60, (1LL << 60) + 1}), 1).indices.item() ==
          2);
    CHECK(topk(DeviceTensor<lafs::bfloat16>::from({2}, {lafs::bfloat16(1.0f), lafs::bfloat16(2.0f)}), 2)
              .indices.to_vector() == Places{1, 0});
    CHECK_THROWS_AS(topk(x, 6), lafs::Error);
    CHECK_THROWS_AS(topk(x, -1), lafs::Error);
    CHECK_THROWS_AS(topk(DeviceTensor<float>::full({}, 1), 1), lafs::Error);
}

TEST_CASE("topk of many rows is the head of a stable sort", "[core]") {
    const std::int64_t rows = 40, n = 1000, k = 17;
    const auto x = on_device([&] {
        const auto drawn = lafs::uniform_tensor<float>({rows, n}, 1, 0, 50);
        for (float& value : drawn.span())
            value = std::floor(value);  // many ties
        return drawn;
    }());
    const auto [values, places] = topk(x, k);
    const auto from = x.to_vector(), top = values.to_vector();
    const auto found = places.to_vector();
    for (std::int64_t row = 0; row < rows; ++row) {
        Places order(static_cast<std::size_t>(n));
        std::iota(order.begin(), order.end(), 0);
        const auto at = [&](std::int64_t i) { return from[static_cast<std::size_t>(row * n + i)]; };
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return at(a) > at(b); });
        for (std::int64_t i = 0; i < k; ++i) {
            const auto place = static_cast<std::size_t>(row * k + i);
            REQUIRE(found[place] == order[static_cast<std::size_t>(i)]);
            REQUIRE(top[place] == at(found[place]));
        }
    }
}
