// Triplet loss against its formula, gradients by differences; on every device.
#include <cmath>
#include <lafs/losses/triplet_loss.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("triplet loss equals its formula", "[losses]") {
    const Var a(normal({6, 9}, 1), true), p(normal({6, 9}, 2), true), n(normal({6, 9}, 3), true);
    const auto ha = host(a).to_vector(), hp = host(p).to_vector(), hn = host(n).to_vector();
    for (const double margin : {0.3, 1.0, 20.0}) {
        double expected = 0;
        for (std::size_t row = 0; row < 6; ++row) {
            double near = 0, far = 0;
            for (std::size_t k = row * 9; k < row * 9 + 9; ++k) {
                near += std::pow(ha[k] - hp[k] + 1e-6, 2);
                far += std::pow(ha[k] - hn[k] + 1e-6, 2);
            }
            expected += std::max(std::sqrt(near) - std::sqrt(far) + margin, 0.0) / 6;
        }
        CHECK(triplet_loss(a, p, n, margin).item() == Approx(expected).margin(1e-14));
        check_derivative([&](const Inputs& in) { return triplet_loss(in[0], in[1], in[2], margin); },
                         {a, p, n});
    }
}

TEST_CASE("triplet loss of equal rows has finite gradients", "[losses]") {
    const DeviceVariable<float> a(normal<float>({2, 8}, 1), true), n(normal<float>({2, 8}, 2));
    triplet_loss(a, DeviceVariable<float>(a.value().clone()), n, 50.0).backward();
    for (const float g : a.grad().to_vector())
        CHECK(std::isfinite(g));
    CHECK_THROWS_AS(triplet_loss(a, n, DeviceVariable<float>(normal<float>({2, 7}, 2))), Error);
    CHECK_THROWS_AS(triplet_loss(a, n, n, -1.0), Error);
}
