// Mixup, and the regularisation of landmarks; on every device.
#include <lafs/losses/landmark_regularization.hpp>
#include <lafs/losses/mixup.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("mixup of images is element by element", "[losses]") {
    for (const std::int64_t batch : {1, 2, 5}) {
        const auto x = normal_tensor<float>({batch, 3, 7}, 1);
        const auto mixed = host(mixup_images(on_device(x), 0.3));
        for (std::int64_t i = 0; i < batch; ++i)
            for (std::int64_t k = 0; k < 21; ++k)
                CHECK(mixed.data()[i * 21 + k] ==
                      Approx(0.3 * x.data()[i * 21 + k] + 0.7 * x.data()[(batch - 1 - i) * 21 + k])
                          .margin(1e-6));
    }
    CHECK(mixup_images(DeviceTensor<float>::zeros({0, 3}), 0.5).size() == 0);
    CHECK_THROWS_AS(mixup_images(DeviceTensor<float>::zeros({2}), 1.5), Error);
}

TEST_CASE("mixup of labels", "[losses]") {
    const auto soft = mixup_labels<double>(Tensor<std::int64_t>::from({3}, {0, 2, 1}), 4, 0.25);
    const std::vector<double> expected = {0.25, 0.75, 0, 0, 0, 0, 1, 0, 0.75, 0.25, 0, 0};
    CHECK(soft.to_vector() == expected);
    CHECK_THROWS_AS(mixup_labels<float>(Tensor<std::int64_t>::from({2}, {0, 4}), 4, 0.5), Error);
    CHECK_THROWS_AS(mixup_labels<float>(Tensor<std::int64_t>::from({2}, {-1, 3}), 4, 0.5), Error);
}

TEST_CASE("lambda has the moments of the beta distribution", "[losses]") {
    for (const double alpha : {0.2, 1.0, 4.0}) {
        RandomSequence random(1, 2);
        double mean = 0, squares = 0;
        constexpr int draws = 40'000;
        for (int i = 0; i < draws; ++i) {
            const double x = draw_mixup_lambda(random, alpha);
            REQUIRE((x >= 0.0 && x <= 1.0));
            mean += x / draws;
            squares += x * x / draws;
        }
        CHECK(mean == Approx(0.5).margin(0.01));
        CHECK(squares - mean * mean == Approx(1.0 / (4.0 * (2.0 * alpha + 1.0))).margin(0.003));
    }
    RandomSequence random(1, 2);
    CHECK_THROWS_AS(draw_mixup_lambda(random, 0.0), Error);
}

TEST_CASE("landmark regularisation", "[losses]") {
    const Var a(uniform({3, 7, 2}, 1, 0.0, 111.0), true);
    const auto b = uniform({3, 7, 2}, 2, 0.0, 111.0);
    const auto found = host(a), frozen = host(b);
    double expected = 0;
    for (std::int64_t i = 0; i < 42; ++i)
        expected += std::pow((found.data()[i] - frozen.data()[i]) / 111.0, 2) / 42;
    CHECK(landmark_regularization(a, b).item() == Approx(expected));
    check_derivative([&](const Inputs& in) { return landmark_regularization(in[0], b) * 1000; }, {a});
    CHECK_THROWS_AS(landmark_regularization(a, DeviceTensor<double>::zeros({3, 6, 2})), Error);
}
