// Matrix products against triple loops: all transposes, batches, remainders of every tile; on every device.
#include <lafs/autograd/matmul.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

constexpr Transpose flips[] = {Transpose::no, Transpose::yes};

template <class T>
double worst_error(std::int64_t batch, std::int64_t m, std::int64_t k, std::int64_t n, Transpose ta,
                   Transpose tb) {
    const bool fa = ta == Transpose::yes, fb = tb == Transpose::yes;
    const DeviceVariable<T> left(normal<T>(fa ? Shape{batch, k, m} : Shape{batch, m, k}, 1));
    const DeviceVariable<T> right(normal<T>(fb ? Shape{batch, n, k} : Shape{batch, k, n}, 2));
    const auto a = host(left), b = host(right), y = host(matmul(left, right, ta, tb));
    REQUIRE(y.shape() == Shape{batch, m, n});
    double worst = 0.0;
    for (std::int64_t s = 0; s < batch; ++s)
        for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j) {
                double expected = 0.0;
                for (std::int64_t l = 0; l < k; ++l)
                    expected += static_cast<double>(a.data()[s * m * k + (fa ? l * m + i : i * k + l)]) *
                                static_cast<double>(b.data()[s * k * n + (fb ? j * k + l : l * n + j)]);
                worst =
                    std::max(worst, std::abs(static_cast<double>(y.data()[(s * m + i) * n + j]) - expected));
            }
    return worst / std::sqrt(static_cast<double>(k));
}

}  // namespace

TEST_CASE("products of every transpose and remainder", "[autograd]") {
    for (const Transpose ta : flips)
        for (const Transpose tb : flips) {
            for (const std::int64_t size : {1, 7, 13, 197}) {
                CHECK(worst_error<float>(1, size, 7, 33, ta, tb) < 2e-6);
                CHECK(worst_error<float>(1, 7, size, 65, ta, tb) < 2e-6);
                CHECK(worst_error<double>(1, 5, 300, size, ta, tb) < 1e-14);
            }
            CHECK(worst_error<float>(3, 13, 19, 35, ta, tb) < 2e-6);
            CHECK(worst_error<float>(1, 100, 1000, 70, ta, tb) < 4e-6);
        }
}

TEST_CASE("gradients of products", "[autograd]") {
    for (const Transpose ta : flips)
        for (const Transpose tb : flips) {
            const bool fa = ta == Transpose::yes, fb = tb == Transpose::yes;
            for (const std::int64_t k : {1, 7, 197}) {
                const Var a(normal(fa ? Shape{2, k, 5} : Shape{2, 5, k}, 1), true);
                const Var b(normal(fb ? Shape{2, 3, k} : Shape{2, k, 3}, 2), true);
                INFO(fa << fb << ' ' << k);
                check_derivative([=](const Inputs& in) { return matmul(in[0], in[1], ta, tb); }, {a, b});
            }
        }
}

TEST_CASE("a product of a matrix with itself", "[autograd]") {
    check_derivative([](const Inputs& in) { return matmul(in[0], in[0], Transpose::yes); },
                     {Var(normal({7, 7}, 1), true)});
}

TEST_CASE("linear over any leading axes, with and without bias", "[autograd]") {
    for (const std::int64_t in : {1, 7, 197}) {
        const Var x(normal({2, 3, in}, 1), true), weight(normal({5, in}, 2), true),
            bias(normal({5}, 3), true);
        const Var y = linear(x, weight, bias);
        REQUIRE(y.shape() == Shape{2, 3, 5});
        const auto from = host(x), weights = host(weight);
        double expected = host(bias).data()[4];
        for (std::int64_t i = 0; i < in; ++i)
            expected += from.data()[5 * in + i] * weights.data()[4 * in + i];
        CHECK(host(y).data()[29] == Approx(expected).margin(1e-13));
        INFO(in);
        for (const Var& b : {bias, Var(), bias.detach()})
            check_derivative([](const Inputs& v) { return linear(v[0], v[1], v[2]); }, {x, weight, b});
    }
}

TEST_CASE("shapes that do not fit name both operands", "[autograd]") {
    const auto zeros = [](const Shape& shape) {
        return DeviceVariable<float>(DeviceTensor<float>::zeros(shape));
    };
    const auto message = [](auto&& call) {
        try {
            call();
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const auto text = message([&] { matmul(zeros({788, 768}), zeros({704, 768})); });
    CHECK(text == "[matmul] (788, 768) x (704, 768): inner sizes differ");
    CHECK_THROWS_AS(matmul(zeros({2, 3}), zeros({1, 3, 4})), Error);
    CHECK_THROWS_AS(matmul(zeros({2, 3, 4}), zeros({3, 4, 5})), Error);
    CHECK_THROWS_AS(linear(zeros({2, 3}), zeros({4, 5})), Error);
    CHECK_THROWS_AS(linear(zeros({2, 3}), zeros({4, 3}), zeros({3})), Error);
}

TEST_CASE("empty products", "[autograd]") {
    const auto zeros = [](const Shape& shape) {
        return DeviceVariable<float>(DeviceTensor<float>::zeros(shape));
    };
    CHECK(matmul(zeros({3, 0}), zeros({0, 4})).value().to_vector() == std::vector<float>(12, 0));
    CHECK(matmul(zeros({0, 5}), zeros({5, 4})).value().size() == 0);
}
