// Mean squared error against its formula, gradients by differences; on every device.
#include <lafs/losses/mse_loss.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("mean squared error equals its formula", "[losses]") {
    const Var x(normal({3, 5, 7}, 1), true), t(normal({3, 5, 7}, 2), true);
    const auto a = host(x).to_vector(), b = host(t).to_vector();
    double expected = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        expected += (a[i] - b[i]) * (a[i] - b[i]) / 105;
    CHECK(mse_loss(x, t).item() == Approx(expected));
    CHECK(mse_loss(x, t.value()).item() == Approx(expected));
    check_derivative([&](const Inputs& in) { return mse_loss(in[0], in[1]); }, {x, t});
    check_derivative([&](const Inputs& in) { return mse_loss(in[0], t.value()); }, {x});
    // torch.nn.functional.mse_loss([1, 2, 3], [1, 4, 0]) = 13 / 3
    const Var p(DeviceTensor<double>::from({3}, {1, 2, 3}));
    CHECK(mse_loss(p, DeviceTensor<double>::from({3}, {1, 4, 0})).item() == Approx(13.0 / 3));
}

TEST_CASE("mean squared error refuses shapes that differ", "[losses]") {
    const Var x(normal({2, 3}, 1)), column(normal({2, 1}, 1)), none(DeviceTensor<double>::zeros({0, 3}));
    CHECK_THROWS_AS(mse_loss(x, column), Error);
    CHECK_THROWS_AS(mse_loss(none, none), Error);
}
