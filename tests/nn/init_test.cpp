// Initialisers: moments of what they draw, repetition, refusals; on every device.
#include <algorithm>
#include <lafs/nn/init.hpp>

#include "device_values.hpp"

namespace {

using lafs_test::DeviceTensor;

struct Moments {
    double mean = 0, variance = 0, least = 0, largest = 0;
};

Moments moments(const DeviceTensor<float>& tensor) {
    const auto values = tensor.to_vector();
    Moments m;
    m.least = *std::min_element(values.begin(), values.end());
    m.largest = *std::max_element(values.begin(), values.end());
    for (const float v : values)
        m.mean += v / static_cast<double>(values.size());
    for (const float v : values)
        m.variance += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
    return m;
}

TEST_CASE("initialisers have the moments of their distributions", "[nn]") {
    lafs::manual_seed(3);
    const auto weight = DeviceTensor<float>::empty({120, 40, 3, 3});  // fan-in 360, fan-out 1080

    lafs::fill_uniform(weight, -1.0, 3.0);
    auto m = moments(weight);
    CHECK(m.mean == Approx(1.0).margin(0.03));
    CHECK(m.variance == Approx(16.0 / 12).epsilon(0.03));
    CHECK((m.least >= -1.0 && m.largest < 3.0));

    lafs::fill_normal(weight, 2.0, 0.5);
    m = moments(weight);
    CHECK(m.mean == Approx(2.0).margin(0.02));
    CHECK(m.variance == Approx(0.25).epsilon(0.03));
    CHECK(m.largest > 3.5);

    // Standard normal cut at one deviation: variance 1 - 2 phi(1) / (2 Phi(1) - 1) = 0.2911.
    lafs::fill_truncated_normal(weight, 0.0, 1.0, -1.0, 1.0);
    m = moments(weight);
    CHECK(m.mean == Approx(0.0).margin(0.02));
    CHECK(m.variance == Approx(0.2911).epsilon(0.03));
    CHECK((m.least >= -1.0 && m.largest <= 1.0));

    lafs::xavier_uniform(weight);
    CHECK(moments(weight).variance == Approx(2.0 / 1440).epsilon(0.03));
    CHECK(moments(weight).largest <= std::sqrt(6.0 / 1440));
    lafs::xavier_normal(weight, 2.0);
    CHECK(moments(weight).variance == Approx(8.0 / 1440).epsilon(0.03));
    lafs::kaiming_normal(weight, lafs::Fan::out);
    CHECK(moments(weight).variance == Approx(2.0 / 1080).epsilon(0.03));
    lafs::kaiming_uniform(weight, lafs::Fan::in, std::sqrt(5.0));
    CHECK(moments(weight).variance == Approx(1.0 / 3 / 360).epsilon(0.03));
    CHECK(moments(weight).largest <= 1.0 / std::sqrt(360.0));
}

TEST_CASE("initialisers repeat with the seed and take a stream each", "[nn]") {
    const auto a = DeviceTensor<float>::empty({64, 129}), b = DeviceTensor<float>::empty({64, 129});
    lafs::manual_seed(7);
    lafs::fill_normal(a, 0.0, 1.0);
    lafs::fill_normal(b, 0.0, 1.0);
    CHECK(a.to_vector() != b.to_vector());
    CHECK(lafs::default_generator().next == 2);
    lafs::manual_seed(7);
    lafs::set_threads(1);
    lafs::fill_normal(b, 0.0, 1.0);
    lafs::set_threads(2);
    CHECK(a.to_vector() == b.to_vector());
}

TEST_CASE("initialisers refuse what they cannot draw", "[nn]") {
    CHECK_THROWS_AS(lafs::xavier_uniform(DeviceTensor<float>::empty({5})), lafs::Error);
    CHECK_THROWS_AS(lafs::fill_truncated_normal(DeviceTensor<float>::empty({5}), 0.0, 1.0, 5.0, 6.0),
                    lafs::Error);
}

}  // namespace
