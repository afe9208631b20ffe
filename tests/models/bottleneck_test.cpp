// Parts of the landmark CNN: its blocks' gradients by differences, where its landmarks lie; on every device.
#include <lafs/models/landmark_cnn.hpp>

#include "device_values.hpp"

namespace {

using namespace lafs_test;

TEST_CASE("landmarks span the image, x before y", "[models]") {
    const auto theta = DeviceTensor<float>::from({2, 6}, {1, 2, 3, 4, 5, 11, 0, -1, 0, 1, 0.5, 0});
    const auto points = lafs::landmarks_from_theta(DeviceVariable<float>(theta), 111.0);
    REQUIRE(points.shape() == lafs::Shape{2, 3, 2});
    const std::vector<float> expected = {0,     11.1f, 22.2f, 33.3f, 44.4f,  111,
                                         55.5f, 0,     55.5f, 111,   83.25f, 55.5f};
    const auto values = points.value().to_vector();
    for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(values[i] == Approx(expected[i]).margin(1e-4));
    CHECK_THROWS_AS(
        lafs::landmarks_from_theta(DeviceVariable<float>(DeviceTensor<float>::zeros({2, 5})), 111.0),
        lafs::Error);
}

TEST_CASE("a bottleneck has the gradients of its forward pass", "[models]") {
    const lafs::BottleneckConfig configs[] = {{3, 8, 3, 3, 1, true, true},    // gate and residual
                                              {3, 5, 4, 5, 2, false, false},  // strided
                                              {4, 8, 4, 3, 1, false, true}};
    for (const auto& config : configs)
        for (const bool training : {true, false}) {
            lafs::manual_seed(2);
            lafs::Bottleneck<double, Device> block(config);
            block.train(training);
            Inputs inputs{Var(normal({2, config.in, 7, 6}, 1), true)};
            std::uint64_t seed = 10;
            for (auto& [name, parameter] : block.parameters()) {
                parameter.value().copy_from(normal(parameter.shape(), ++seed));
                inputs.push_back(parameter);
            }
            INFO((training ? "training" : "evaluation"));
            check_derivative([&](const Inputs& in) { return block.forward(in[0]); }, inputs);
        }
}

}  // namespace
