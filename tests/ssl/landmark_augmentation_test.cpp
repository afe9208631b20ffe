// Noise and subsets of landmarks: their distributions, and what they depend on; on every device.
#include <cmath>
#include <lafs/ssl/landmark_augmentation.hpp>
#include <vector>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Shape, lafs::Tensor;

namespace {

/// Landmark n of image b is (1000 b + n, -(1000 b + n)).
DeviceTensor<float> numbered(std::int64_t images, std::int64_t landmarks) {
    auto result = Tensor<float>::empty({images, landmarks, 2});
    for (std::int64_t b = 0; b < images; ++b)
        for (std::int64_t n = 0; n < landmarks; ++n) {
            result.data()[2 * (b * landmarks + n)] = static_cast<float>(1000 * b + n);
            result.data()[2 * (b * landmarks + n) + 1] = -static_cast<float>(1000 * b + n);
        }
    return on_device(result);
}

template <class Function>
auto with_threads(int count, Function function) {
    const int before = lafs::threads();
    lafs::set_threads(count);
    auto result = function();
    lafs::set_threads(before);
    return result;
}

bool same(const DeviceTensor<float>& a, const DeviceTensor<float>& b) {
    return a.shape() == b.shape() && a.to_vector() == b.to_vector();
}

}  // namespace

TEST_CASE("perturbation adds independent Gaussian noise", "[ssl]") {
    const auto landmarks = DeviceTensor<double>::full({64, 196, 2}, 50.0);
    const auto moved = host(lafs::perturb_landmarks(landmarks, 5.0, 3, 4));
    REQUIRE(moved.shape() == landmarks.shape());
    const auto count = static_cast<double>(moved.size());
    double sum = 0, squares = 0, fourth = 0, neighbours = 0, two_apart = 0, beyond = 0;
    const auto noise = [&](std::int64_t i) { return (moved.data()[i] - 50.0) / 5.0; };
    for (std::int64_t i = 0; i < moved.size(); ++i) {
        const double z = noise(i);
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        beyond += std::abs(z) > 1.959964;
        neighbours += i >= 1 ? z * noise(i - 1) : 0;  // x against y
        two_apart += i >= 2 ? z * noise(i - 2) : 0;   // x against x of the next landmark
    }
    const double error = 5 / std::sqrt(count);
    CHECK(sum / count == Approx(0.0).margin(error));
    CHECK(squares / count == Approx(1.0).margin(error * std::sqrt(2.0)));
    CHECK(fourth / count == Approx(3.0).margin(error * std::sqrt(96.0)));
    CHECK(beyond / count == Approx(0.05).margin(error * std::sqrt(0.05 * 0.95)));
    CHECK(neighbours / count == Approx(0.0).margin(error));
    CHECK(two_apart / count == Approx(0.0).margin(error));
    CHECK(landmarks.to_vector()[7] == 50.0);  // the input is left alone
}

TEST_CASE("subsets draw landmarks of their own image, with replacement", "[ssl]") {
    const std::int64_t images = 400, available = 20, count = 36;
    const auto landmarks = numbered(images, available);
    const auto drawn = host(lafs::draw_landmarks(landmarks, count, 8, 2));
    REQUIRE(drawn.shape() == Shape({images, count, 2}));
    std::vector<int> times(static_cast<std::size_t>(available));
    int ascending = 0;
    double repeats = 0;
    for (std::int64_t b = 0; b < images; ++b) {
        float last = -1;
        for (std::int64_t k = 0; k < count; ++k) {
            const float* point = drawn.data() + 2 * (b * count + k);
            const auto index = static_cast<std::int64_t>(point[0]) - 1000 * b;
            REQUIRE(index >= 0);
            REQUIRE(index < available);
            REQUIRE(point[1] == -point[0]);
            ++times[static_cast<std::size_t>(index)];
            ascending += point[0] > last;
            repeats += k > 0 && point[0] == last;
            last = point[0];
        }
    }
    // Chi-square with 19 degrees of freedom: 0.001 % lie above 56.
    const double expected = static_cast<double>(images * count) / static_cast<double>(available);
    double chi_square = 0;
    for (const int n : times)
        chi_square += (n - expected) * (n - expected) / expected;
    CHECK(chi_square < 56);
    CHECK(ascending < images * count * 0.55);  // no order
    const double pairs = static_cast<double>(images * (count - 1));
    CHECK(repeats / pairs == Approx(1.0 / 20).margin(5 * std::sqrt(0.05 * 0.95 / pairs)));
}

TEST_CASE("landmark augmentations depend on seed and stream, not on threads", "[ssl]") {
    const auto landmarks = numbered(37, 196);
    const auto perturb = [&](std::uint64_t seed, std::uint64_t stream) {
        return lafs::perturb_landmarks(landmarks, 5.0, seed, stream);
    };
    const auto draw = [&](std::uint64_t seed, std::uint64_t stream) {
        return lafs::draw_landmarks(landmarks, 36, seed, stream);
    };
    const auto moved = with_threads(1, [&] { return perturb(1, 2); });
    CHECK(same(moved, with_threads(3, [&] { return perturb(1, 2); })));
    CHECK_FALSE(same(moved, perturb(1, 3)));
    CHECK_FALSE(same(moved, perturb(2, 2)));
    const auto subset = with_threads(1, [&] { return draw(1, 2); });
    CHECK(same(subset, with_threads(3, [&] { return draw(1, 2); })));
    CHECK_FALSE(same(subset, draw(1, 3)));
    CHECK_FALSE(same(subset, draw(2, 2)));
    CHECK(same(lafs::perturb_landmarks(landmarks, 0.0, 1, 2), landmarks));
}

TEST_CASE("landmark augmentations check their input", "[ssl]") {
    const auto flat = DeviceTensor<float>::zeros({4, 392});
    const auto landmarks = DeviceTensor<float>::zeros({4, 196, 2});
    CHECK_THROWS_AS(lafs::perturb_landmarks(flat, 5.0, 1, 1), lafs::Error);
    CHECK_THROWS_AS(lafs::perturb_landmarks(landmarks, -1.0, 1, 1), lafs::Error);
    CHECK_THROWS_AS(lafs::draw_landmarks(flat, 36, 1, 1), lafs::Error);
    CHECK_THROWS_AS(lafs::draw_landmarks(landmarks, 0, 1, 1), lafs::Error);
    CHECK_THROWS_AS(lafs::draw_landmarks(DeviceTensor<float>::zeros({4, 0, 2}), 36, 1, 1), lafs::Error);
}
