// Element-wise operations as a user writes them: the functions of the library by their full names, for
// numbers and for packs.
#include <lafs/autograd/expression.hpp>

#include "device_values.hpp"

using namespace lafs_test;

LAFS_DEVICE_CODE_BEGIN
namespace {

struct Softsign {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x / (V(1) + lafs::abs(x));
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        const V d = V(1) + lafs::abs(x);
        return V(1) / (d * d);
    }
};

/// Every other function of expr/math.hpp; for x in (0, 1).
struct EveryFunction {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        const V smooth = lafs::exp(x) + lafs::log(x) + lafs::sqrt(x) + lafs::tanh(x) + lafs::erf(x) +
                         lafs::acos(x) + lafs::sin(x) + lafs::cos(x) + lafs::pow(x, V(1.5));
        const V bounds = lafs::minimum(x, V(0.5)) + lafs::maximum(x, V(0.25));
        const V chosen = lafs::select(lafs::is_less(x, V(0.5)), V(10), V(20));
        return smooth + bounds + chosen + lafs::is_less_equal(x, V(0.5)) + lafs::is_equal(x, x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V) {
        return V(0);
    }
};

}  // namespace
LAFS_DEVICE_CODE_END

TEST_CASE("an own operation calls the library's functions by their full names", "[expr]") {
    for (const std::int64_t n : lengths()) {
        const Var x(uniform({n}, 1, -3, 3), true);
        const Var y = lafs::apply<Softsign>(x * 2);
        const auto from = host(x), to = host(y);
        for (std::int64_t i = 0; i < n; ++i) {
            const double v = 2 * from.data()[i];
            CHECK(to.data()[i] == Approx(v / (1 + std::abs(v))).epsilon(1e-14));
        }
        check_derivative([](const Inputs& in) { return lafs::apply<Softsign>(in[0] * 2).eval(); }, {x});
    }
}

TEMPLATE_TEST_CASE("every function for operations has a full name", "[expr]", float, double) {
    using T = TestType;
    const auto x = uniform<T>({19}, 1, 0.01, 0.99);
    const auto from = host(x), to = host(lafs::apply<EveryFunction>(x).eval());
    for (std::int64_t i = 0; i < 19; ++i) {
        const auto v = static_cast<double>(from.data()[i]);
        const double expected = std::exp(v) + std::log(v) + std::sqrt(v) + std::tanh(v) + std::erf(v) +
                                std::acos(v) + std::sin(v) + std::cos(v) + std::pow(v, 1.5) +
                                std::min(v, 0.5) + std::max(v, 0.25) + (v < 0.5 ? 10 : 20) + (v <= 0.5) + 1;
        CHECK(static_cast<double>(to.data()[i]) == Approx(expected).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-14));
    }
}
