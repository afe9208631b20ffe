// Cross entropy against its definition, gradients by differences, errors; on every device.
#include <lafs/core/counter.hpp>
#include <lafs/losses/cross_entropy.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

/// Mean over rows of -sum t log softmax(x), in long double.
double plain(const Tensor<double>& x, const Tensor<double>& target) {
    const std::int64_t rows = x.shape(0), n = x.shape(1);
    long double loss = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
        const double *from = x.data() + row * n, *t = target.data() + row * n;
        const long double largest = *std::max_element(from, from + n);
        long double total = 0;
        for (std::int64_t j = 0; j < n; ++j)
            total += std::exp(from[j] - largest);
        for (std::int64_t j = 0; j < n; ++j)
            loss -= t[j] * (from[j] - largest - std::log(total)) / rows;
    }
    return static_cast<double>(loss);
}

}  // namespace

TEST_CASE("cross entropy of hard and soft labels", "[losses]") {
    for (const std::int64_t classes : lengths()) {
        const auto x_values = normal_tensor({5, classes}, 1, 6.0),
                   one_hot_values = Tensor<double>::zeros({5, classes}),
                   soft_values = uniform_tensor({5, classes}, 2, 0.0, 1.0);
        std::vector<std::int64_t> right;
        for (std::int64_t row = 0; row < 5; ++row) {
            right.push_back(row * 37 % classes);
            one_hot_values.data()[row * classes + right.back()] = 1.0;
        }
        const Var x(on_device(x_values), true);
        const auto labels = Labels::from({5}, right);
        const auto one_hot = on_device(one_hot_values), soft = on_device(soft_values);
        CHECK(cross_entropy(x, labels).item() == Approx(plain(x_values, one_hot_values)).margin(1e-12));
        CHECK(cross_entropy(x, one_hot).item() == Approx(plain(x_values, one_hot_values)).margin(1e-12));
        CHECK(cross_entropy(x, soft).item() == Approx(plain(x_values, soft_values)).margin(1e-12));
        INFO(classes << " classes");
        check_derivative([&](const Inputs& in) { return cross_entropy(in[0], labels); }, {x});
        check_derivative([&](const Inputs& in) { return cross_entropy(in[0], soft); }, {x});
    }
}

TEST_CASE("cross entropy of huge logits is finite", "[losses]") {
    const DeviceVariable<float> x(DeviceTensor<float>::from({2, 3}, {3e4f, -3e4f, 0, -1e30f, 1e30f, 0}),
                                  true);
    const auto loss = cross_entropy(x, Labels::from({2}, {0, 1}));
    CHECK(loss.item() == 0.0f);
    loss.backward();
    for (const float g : x.grad().to_vector())
        CHECK(std::isfinite(g));
}

TEST_CASE("cross entropy is one pass over the logits each way", "[losses]") {
    const DeviceVariable<float> x(normal<float>({64, 1000}, 1), true);
    const auto labels = Labels::zeros({64});
    const auto one = DeviceTensor<float>::full({}, 1);
    const std::uint64_t start = kernel_launches();
    const auto loss = cross_entropy(x, labels);
    CHECK(kernel_launches() - start == 2);  // the rows, and the mean of their losses
    loss.backward(one);
    CHECK(kernel_launches() - start == 3);
}

TEST_CASE("labels and shapes that do not fit are errors", "[losses]") {
    const DeviceVariable<float> x(DeviceTensor<float>::zeros({2, 3}));
    const auto message = [&](const Labels& labels) {
        try {
            cross_entropy(x, labels);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const auto above = Labels::from({2}, {0, 3}), below = Labels::from({2}, {-1, 0});
    if constexpr (on_cpu) {
        CHECK(message(above) == "[cross_entropy] label 3 in row 1, expected 0 .. 2");
        CHECK(message(below) == "[cross_entropy] label -1 in row 0, expected 0 .. 2");
    } else {  // nobody looks at labels there: the loss tells
        CHECK(std::isnan(cross_entropy(x, above).item()));
        CHECK(std::isnan(cross_entropy(x, below).item()));
    }
    CHECK(message(Labels::zeros({3})).find("(3,)") != std::string::npos);
    CHECK_THROWS_AS(cross_entropy(x, DeviceTensor<float>::zeros({2, 4})), Error);
    CHECK_THROWS_AS(cross_entropy(DeviceVariable<float>(DeviceTensor<float>::zeros({3})), Labels::zeros({3})),
                    Error);
}

TEST_CASE("label smoothing shares a part of each label among all classes", "[losses]") {
    for (const std::int64_t classes : lengths()) {
        const double smoothing = 0.1;
        const auto x_values = normal_tensor({5, classes}, 1, 6.0),
                   soft_values = uniform_tensor({5, classes}, 2, 0.0, 1.0);
        const auto hard_targets =
                       Tensor<double>::full({5, classes}, smoothing / static_cast<double>(classes)),
                   soft_targets = Tensor<double>::empty({5, classes});
        std::vector<std::int64_t> right;
        for (std::int64_t row = 0; row < 5; ++row) {
            right.push_back(row * 37 % classes);
            hard_targets.data()[row * classes + right.back()] += 1 - smoothing;
        }
        for (std::int64_t i = 0; i < 5 * classes; ++i)
            soft_targets.data()[i] =
                (1 - smoothing) * soft_values.data()[i] + smoothing / static_cast<double>(classes);
        const Var x(on_device(x_values), true);
        const auto labels = Labels::from({5}, right);
        const auto soft = on_device(soft_values);
        CHECK(cross_entropy(x, labels, smoothing).item() ==
              Approx(plain(x_values, hard_targets)).margin(1e-12));
        CHECK(cross_entropy(x, soft, smoothing).item() ==
              Approx(plain(x_values, soft_targets)).margin(1e-12));
        INFO(classes << " classes");
        check_derivative([&](const Inputs& in) { return cross_entropy(in[0], labels, smoothing); }, {x});
        check_derivative([&](const Inputs& in) { return cross_entropy(in[0], soft, smoothing); }, {x});
        CHECK(cross_entropy(x, labels, 0.0).item() == cross_entropy(x, labels).item());
    }
    const DeviceVariable<float> x(DeviceTensor<float>::zeros({2, 3}));
    CHECK_THROWS_AS(cross_entropy(x, Labels::zeros({2}), 1.0), Error);
    CHECK_THROWS_AS(cross_entropy(x, Labels::zeros({2}), -0.1), Error);
}
