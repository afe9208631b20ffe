// Sums and means over every axis against plain loops, big arrays against exact sums; on every device.
#include <lafs/autograd/reductions.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

/// Sum over the middle axis of (outer, n, inner), in long double.
template <class T>
std::vector<double> plain_sum(const std::vector<T>& x, std::int64_t outer, std::int64_t n,
                              std::int64_t inner) {
    std::vector<double> result;
    for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t i = 0; i < inner; ++i) {
            long double total = 0;
            for (std::int64_t k = 0; k < n; ++k)
                total += x[static_cast<std::size_t>((o * n + k) * inner + i)];
            result.push_back(static_cast<double>(total));
        }
    return result;
}

/// Relative to each element, or to 1 where it is smaller.
template <class T>
void check_each_close(const std::vector<T>& got, const std::vector<double>& expected, double allowed) {
    REQUIRE(got.size() == expected.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]) /
                                    std::max(1.0, std::abs(expected[i])));
    CHECK(worst < allowed);
}

}  // namespace

TEST_CASE("sum and mean over each axis", "[autograd]") {
    for (const std::int64_t n : lengths()) {
        const Var x(normal({3, n, 2}, 1), true);
        const auto values = x.value().to_vector();
        INFO("n " << n);
        check_each_close(sum(x, 0).value().to_vector(), plain_sum(values, 1, 3, 2 * n), 1e-13);
        check_each_close(sum(x, 1).value().to_vector(), plain_sum(values, 3, n, 2), 1e-13);
        check_each_close(sum(x, -1).value().to_vector(), plain_sum(values, 3 * n, 2, 1), 1e-13);
        check_each_close(sum(x).value().to_vector(), plain_sum(values, 1, 6 * n, 1), 1e-13);
        CHECK(mean(x).item() == Approx(sum(x).item() / static_cast<double>(6 * n)));
        CHECK(sum(x, 1, true).shape() == Shape{3, 1, 2});
        CHECK(mean(x, 1).shape() == Shape{3, 2});
        for (int axis = 0; axis < 3; ++axis) {
            INFO("axis " << axis);
            check_derivative([axis](const Inputs& in) { return mean(in[0], axis); }, {x});
        }
        check_derivative([](const Inputs& in) { return sum(in[0]); }, {x});
    }
}

TEST_CASE("sums over big arrays stay accurate", "[autograd]") {
    struct Case {
        std::int64_t outer, n, inner;
    };
    for (const Case c : {Case{1, 1'000'003, 1}, Case{1, 300'007, 3}, Case{2, 100'003, 5}, Case{3, 70'001, 1},
                         Case{1, 999, 1100}, Case{1, 5, 70'000}}) {
        const auto x = uniform<float>({c.outer, c.n, c.inner}, 1, 0.0, 1.0);
        INFO(c.outer << " x " << c.n << " x " << c.inner);
        check_each_close(sum(DeviceVariable<float>(x), 1).value().to_vector(),
                         plain_sum(x.to_vector(), c.outer, c.n, c.inner), 2e-6);
    }
}

TEST_CASE("reductions of nothing", "[autograd]") {
    const DeviceVariable<float> empty(DeviceTensor<float>::zeros({3, 0}));
    CHECK(sum(empty).item() == 0.0f);
    CHECK(sum(empty, 1).value().to_vector() == std::vector<float>(3, 0));
    CHECK(sum(DeviceVariable<float>(DeviceTensor<float>::zeros({0, 3})), 0).value().to_vector() ==
          std::vector<float>(3, 0));
    CHECK_THROWS_AS(mean(empty), Error);
    CHECK_THROWS_AS(mean(empty, 1), Error);
    CHECK_THROWS_AS(sum(empty, 2), Error);
}
