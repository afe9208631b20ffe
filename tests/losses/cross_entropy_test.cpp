// Cross entropy against its definition, gradients by differences, errors.
#include <lafs/core/counter.hpp>
#include <lafs/losses/cross_entropy.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

using namespace lafs;
using Inputs = std::vector<Variable<double>>;
using Labels = Tensor<std::int64_t>;

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
    for (const std::int64_t classes : {1, 7, 197, 1000}) {
        const Variable<double> x(normal_tensor({5, classes}, 1, 6.0), true);
        const auto labels = Labels::empty({5});
        const auto one_hot = Tensor<double>::zeros({5, classes}),
                   soft = uniform_tensor({5, classes}, 2, 0.0, 1.0);
        for (std::int64_t row = 0; row < 5; ++row) {
            labels.data()[row] = row * 37 % classes;
            one_hot.data()[row * classes + labels.data()[row]] = 1.0;
        }
        CHECK(cross_entropy(x, labels).item() == Approx(plain(x.value(), one_hot)).margin(1e-12));
        CHECK(cross_entropy(x, one_hot).item() == Approx(plain(x.value(), one_hot)).margin(1e-12));
        CHECK(cross_entropy(x, soft).item() == Approx(plain(x.value(), soft)).margin(1e-12));
        for (const auto& result :
             {check_gradients([&](const Inputs& in) { return cross_entropy(in[0], labels); }, {x}),
              check_gradients([&](const Inputs& in) { return cross_entropy(in[0], soft); }, {x})}) {
            INFO(classes << " classes: " << result);
            CHECK(result.ok());
        }
    }
}

TEST_CASE("cross entropy of huge logits is finite", "[losses]") {
    const Variable<float> x(Tensor<float>::from({2, 3}, {3e4f, -3e4f, 0, -1e30f, 1e30f, 0}), true);
    const auto loss = cross_entropy(x, Labels::from({2}, {0, 1}));
    CHECK(loss.item() == 0.0f);
    loss.backward();
    for (const float g : x.grad().span())
        CHECK(std::isfinite(g));
}

TEST_CASE("cross entropy is one pass over the logits each way", "[losses]") {
    const Variable<float> x(normal_tensor<float>({64, 1000}, 1), true);
    const auto labels = Labels::zeros({64});
    const std::uint64_t start = kernel_launches();
    const auto loss = cross_entropy(x, labels);
    CHECK(kernel_launches() - start == 2);  // the rows, and the mean of their losses
    loss.backward();
    CHECK(kernel_launches() - start == 3);
}

TEST_CASE("labels and shapes that do not fit are errors", "[losses]") {
    const Variable<float> x(Tensor<float>::zeros({2, 3}));
    const auto message = [&](const Labels& labels) {
        try {
            cross_entropy(x, labels);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    CHECK(message(Labels::from({2}, {0, 3})) == "[cross_entropy] label 3 in row 1, expected 0 .. 2");
    CHECK(message(Labels::from({2}, {-1, 0})) == "[cross_entropy] label -1 in row 0, expected 0 .. 2");
    CHECK(message(Labels::zeros({3})).find("(3,)") != std::string::npos);
    CHECK_THROWS_AS(cross_entropy(x, Tensor<float>::zeros({2, 4})), Error);
    CHECK_THROWS_AS(cross_entropy(Variable<float>(Tensor<float>::zeros({3})), Labels::zeros({3})), Error);
}
