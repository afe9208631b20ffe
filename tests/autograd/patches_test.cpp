// Patches at landmarks and of a grid by their definitions, gradients by differences; on every device.
#include <lafs/autograd/grid_patches.hpp>
#include <lafs/autograd/landmark_patches.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {
double pixel(const Tensor<double>& images, std::int64_t b, std::int64_t c, double y, double x) {
    const std::int64_t H = images.shape(2), W = images.shape(3);
    if (y < 0 || y >= static_cast<double>(H) || x < 0 || x >= static_cast<double>(W))
        return 0;
    return images.data()[((b * images.shape(1) + c) * H + static_cast<std::int64_t>(y)) * W +
                         static_cast<std::int64_t>(x)];
}

// One bilinear sample by its definition.
double sample(const Tensor<double>& images, std::int64_t b, std::int64_t c, double y, double x) {
    double sum = 0;
    for (const double row : {std::floor(y), std::floor(y) + 1})
        for (const double column : {std::floor(x), std::floor(x) + 1})
            sum += (1 - std::abs(y - row)) * (1 - std::abs(x - column)) * pixel(images, b, c, row, column);
    return sum;
}
}  // namespace

TEST_CASE("landmark patches are bilinear samples, transposed and half a pixel early", "[autograd]") {
    const std::int64_t side = GENERATE(1, 5, 8), n = GENERATE(1, 7, 197), C = GENERATE(1, 3);
    const auto images = normal_tensor({2, C, 13, 17}, 1), landmarks = uniform_tensor({2, n, 2}, 2, -12, 30);
    const auto tokens = host(landmark_patches(Var(on_device(images)), Var(on_device(landmarks)), side));
    REQUIRE(tokens.shape() == Shape{2, n, side * side * C});
    const double shift = static_cast<double>(side) / 2 + 0.5;
    double worst = 0;
    for (std::int64_t at = 0; at < tokens.size(); ++at) {
        const std::int64_t c = at % C, j = at / C % side, i = at / C / side % side,
                           landmark = at / (C * side * side);
        const double x = landmarks.data()[2 * landmark] + static_cast<double>(i) - shift,
                     y = landmarks.data()[2 * landmark + 1] + static_cast<double>(j) - shift;
        worst = std::max(worst, std::abs(tokens.data()[at] - sample(images, landmark / n, c, y, x)));
    }
    CHECK(worst < 1e-13);
}

TEST_CASE("a landmark that is no number gives no number, one far away gives zeros", "[autograd]") {
    const DeviceVariable<float> images(normal<float>({1, 1, 9, 9}, 1), true);
    const float nan = std::nanf(""), far = 1e30f, infinity = std::numeric_limits<float>::infinity();
    const DeviceVariable<float> landmarks(
        DeviceTensor<float>::from({1, 3, 2}, {nan, 4, far, -far, infinity, 4}), true);
    const auto tokens = landmark_patches(images, landmarks, 2);
    const auto values = host(tokens);
    CHECK(std::isnan(values.data()[0]));
    CHECK(values.data()[4] == 0);
    CHECK(std::isnan(values.data()[8]));
    tokens.backward(DeviceTensor<float>::full(tokens.shape(), 1));
    CHECK(host(landmarks.grad()).data()[2] == 0);
    CHECK(host(images.grad()).data()[40] == 0);
}

TEST_CASE("gradients of landmark patches in image and landmarks", "[autograd]") {
    const std::int64_t n = GENERATE(1, 7, 197);
    const Var images(normal({2, 2, 11, 13}, 1), true), landmarks(uniform({2, n, 2}, 2, -3, 16), true);
    check_derivative([](const Inputs& in) { return landmark_patches(in[0], in[1], 4); }, {images, landmarks});
}

TEST_CASE("grid patches are blocks flattened (row, column, channel)", "[autograd]") {
    const Var images(normal({2, 3, 6, 8}, 1), true);
    const auto tokens = host(grid_patches(images, 2)), from = host(images);
    REQUIRE(tokens.shape() == Shape{2, 12, 12});
    for (std::int64_t b = 0; b < 2; ++b)
        for (std::int64_t c = 0; c < 3; ++c)
            for (std::int64_t y = 0; y < 6; ++y)
                for (std::int64_t x = 0; x < 8; ++x)
                    REQUIRE(tokens.data()[(b * 12 + y / 2 * 4 + x / 2) * 12 + (y % 2 * 2 + x % 2) * 3 + c] ==
                            from.data()[((b * 3 + c) * 6 + y) * 8 + x]);
    check_derivative([](const Inputs& in) { return grid_patches(in[0], 2); }, {images});
}

TEST_CASE("patches refuse shapes that do not fit", "[autograd]") {
    const Var images(normal({2, 3, 6, 8}, 1)), landmarks(normal({2, 4, 2}, 1)), others(normal({3, 4, 2}, 1));
    CHECK_THROWS_AS(landmark_patches(images, others), Error);
    CHECK_THROWS_AS(landmark_patches(images, images), Error);
    CHECK_THROWS_AS(landmark_patches(landmarks, landmarks), Error);
    CHECK_THROWS_AS(landmark_patches(images, landmarks, 0), Error);
    CHECK_THROWS_AS(grid_patches(images, 4), Error);
    CHECK_THROWS_AS(grid_patches(images, 0), Error);
    CHECK_THROWS_AS(grid_patches(landmarks, 1), Error);
}
