// Supervised contrastive loss against equation 2 in plain loops, gradients by differences; on every device.
#include <cmath>
#include <lafs/losses/supervised_contrastive_loss.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

double plain(const Tensor<double>& x, const std::vector<std::int64_t>& labels, double temperature) {
    const std::int64_t rows = x.shape(0), n = x.shape(1);
    const auto cosine = [&](std::int64_t i, std::int64_t j) {
        double inner = 0, a = 0, b = 0;
        for (std::int64_t k = 0; k < n; ++k) {
            const double u = x.data()[i * n + k], v = x.data()[j * n + k];
            inner += u * v, a += u * u, b += v * v;
        }
        return inner / std::sqrt(a * b);
    };
    double loss = 0;
    int anchors = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
        double total = 0, of_row = 0;
        int positives = 0;
        for (std::int64_t j = 0; j < rows; ++j)
            total += j == i ? 0 : std::exp(cosine(i, j) / temperature);
        for (std::int64_t j = 0; j < rows; ++j)
            if (j != i && labels[static_cast<std::size_t>(j)] == labels[static_cast<std::size_t>(i)]) {
                of_row -= std::log(std::exp(cosine(i, j) / temperature) / total);
                ++positives;
            }
        if (positives > 0) {
            loss += of_row / positives;
            ++anchors;
        }
    }
    return loss / anchors;
}

}  // namespace

TEST_CASE("supervised contrastive loss equals equation 2", "[losses]") {
    const std::vector<std::int64_t> labels{4, 1, 4, 2, 1, 4, 7};  // two rows have no positive
    const Var x(normal({7, 5}, 1, 3.0), true);
    const auto on = Labels::from({7}, labels);
    for (const double temperature : {0.07, 0.5, 2.0}) {
        CHECK(supervised_contrastive_loss(x, on, temperature).item() ==
              Approx(plain(host(x), labels, temperature)));
        check_derivative(
            [&](const Inputs& in) { return supervised_contrastive_loss(in[0], on, temperature); }, {x});
    }
}

TEST_CASE("two rows of one label have no loss", "[losses]") {
    const DeviceVariable<float> x(normal<float>({2, 4}, 1), true);
    const auto loss = supervised_contrastive_loss(x, Labels::from({2}, {3, 3}));
    CHECK(loss.item() == Approx(0).margin(1e-6));
    loss.backward();
    for (const float g : x.grad().to_vector())
        CHECK(std::abs(g) < 1e-5);
}

TEST_CASE("supervised contrastive loss refuses batches without positives", "[losses]") {
    const Var x(normal({3, 4}, 1));
    CHECK_THROWS_AS(supervised_contrastive_loss(x, Labels::from({3}, {0, 1, 2})), Error);
    CHECK_THROWS_AS(supervised_contrastive_loss(x, Labels::from({2}, {0, 0})), Error);
    CHECK_THROWS_AS(supervised_contrastive_loss(x, Labels::from({3}, {0, 0, 1}), 0.0), Error);
}
