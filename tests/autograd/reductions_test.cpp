// Sums and means over every axis against plain loops, big arrays against exact sums.
#include <lafs/autograd/reductions.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"
#include "test_device.hpp"

using namespace lafs;
using lafs_test::Device;
using Var = Variable<double, Device>;
using Inputs = std::vector<Var>;

namespace {

/// Sum over the middle axis, in long double.
std::vector<double> plain_sum(const Tensor<double, Device>& x, std::int64_t outer, std::int64_t n,
                              std::int64_t inner) {
    std::vector<double> result;
    for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t i = 0; i < inner; ++i) {
            long double total = 0;
            for (std::int64_t k = 0; k < n; ++k)
                total += x.data()[(o * n + k) * inner + i];
            result.push_back(static_cast<double>(total));
        }
    return result;
}

void check_close(const std::vector<double>& got, const std::vector<double>& expected, double allowed) {
    REQUIRE(got.size() == expected.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i)
        worst = std::max(worst, std::abs(got[i] - expected[i]) / std::max(1.0, std::abs(expected[i])));
    CHECK(worst < allowed);
}

}  // namespace

TEST_CASE("sum and mean over each axis", "[autograd]") {
    for (const std::int64_t n : {1, 7, 197, 1000}) {
        const Var x(normal_tensor<double, Device>({3, n, 2}, 1), true);
        INFO("n " << n);
        check_close(sum(x, 0).value().to_vector(), plain_sum(x.value(), 1, 3, 2 * n), 1e-13);
        check_close(sum(x, 1).value().to_vector(), plain_sum(x.value(), 3, n, 2), 1e-13);
        check_close(sum(x, -1).value().to_vector(), plain_sum(x.value(), 3 * n, 2, 1), 1e-13);
        check_close(sum(x).value().to_vector(), plain_sum(x.value(), 1, 6 * n, 1), 1e-13);
        CHECK(mean(x).item() == Approx(sum(x).item() / static_cast<double>(6 * n)));
        CHECK(sum(x, 1, true).shape() == Shape{3, 1, 2});
        CHECK(mean(x, 1).shape() == Shape{3, 2});
        for (int axis = 0; axis < 3; ++axis) {
            const auto result =
                check_gradients([axis](const Inputs& in) { return mean(in[0], axis); }, Inputs{x});
            INFO("axis " << axis << ": " << result);
            CHECK(result.ok());
        }
        const auto result = check_gradients([](const Inputs& in) { return sum(in[0]); }, Inputs{x});
        INFO(result);
        CHECK(result.ok());
    }
}

TEST_CASE("sums over big arrays stay accurate and do not depend on threads", "[autograd]") {
    struct Case {
        std::int64_t outer, n, inner;
    };
    for (const Case c : {Case{1, 1'000'003, 1}, Case{1, 300'007, 3}, Case{2, 100'003, 5}, Case{3, 70'001, 1},
                         Case{1, 999, 1100}, Case{1, 5, 70'000}}) {
        const auto x = uniform_tensor<float, Device>({c.outer, c.n, c.inner}, 1, 0.0, 1.0);
        const auto wide = Tensor<double, Device>::empty(x.shape());
        std::copy(x.span().begin(), x.span().end(), wide.data());
        const int before = threads();
        set_threads(1);
        const auto one = sum(Variable<float, Device>(x), 1).value().to_vector();
        set_threads(2);
        const auto two = sum(Variable<float, Device>(x), 1).value().to_vector();
        set_threads(before);
        CHECK(one == two);
        INFO(c.outer << " x " << c.n << " x " << c.inner);
        check_close(std::vector<double>(one.begin(), one.end()), plain_sum(wide, c.outer, c.n, c.inner),
                    2e-6);
    }
}

TEST_CASE("reductions of nothing", "[autograd]") {
    const Variable<float, Device> empty(Tensor<float, Device>::zeros({3, 0}));
    CHECK(sum(empty).item() == 0.0f);
    CHECK(sum(empty, 1).value().to_vector() == std::vector<float>(3, 0));
    CHECK(sum(Variable<float, Device>(Tensor<float, Device>::zeros({0, 3})), 0).value().to_vector() ==
          std::vector<float>(3, 0));
    CHECK_THROWS_AS(mean(empty), Error);
    CHECK_THROWS_AS(mean(empty, 1), Error);
    CHECK_THROWS_AS(sum(empty, 2), Error);
}
