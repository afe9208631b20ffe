// Cross entropy and min-max scaling on the GPU, forward and backward, against plain loops in double.
#include <lafs/autograd/min_max.hpp>
#include <lafs/cuda.hpp>
#include <lafs/losses/cross_entropy.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"

namespace {

using lafs::Cuda;
using lafs::Tensor;
using lafs::Variable;
using Labels = Tensor<std::int64_t>;

constexpr std::int64_t rows = 3;

/// The mean over rows of -sum t log softmax(x), and factor times its gradient.
struct Plain {
    double loss = 0;
    std::vector<double> gradient;

    Plain(const Tensor<double>& x, const Tensor<double>& target, double factor) {
        const std::int64_t n = x.shape(1);
        for (std::int64_t row = 0; row < rows; ++row) {
            const double *from = x.data() + row * n, *t = target.data() + row * n;
            double total = 0, weight = 0;
            for (std::int64_t j = 0; j < n; ++j) {
                total += std::exp(from[j]);
                weight += t[j];
            }
            for (std::int64_t j = 0; j < n; ++j) {
                loss -= t[j] * (from[j] - std::log(total)) / rows;
                gradient.push_back(factor * (std::exp(from[j]) / total * weight - t[j]) / rows);
            }
        }
    }
};

/// The loss, its gradient for the output gradient 0.75, and that gradient added a second time.
template <class T, class Targets>
void check_loss(const Tensor<double>& x, const Targets& targets, const Plain& expected) {
    const auto got = lafs_test::repeated([&] {
        const Variable<T, Cuda> v(lafs_test::on_gpu<T>(x), true);
        std::vector<std::vector<T>> results;
        for (int pass = 0; pass < 2; ++pass) {
            const Variable<T, Cuda> loss = cross_entropy(v, targets);
            loss.backward(Tensor<T, Cuda>::full({}, T(0.75)));
            results.push_back(loss.value().to_vector());
            results.push_back(v.grad().to_vector());
        }
        return results;
    });
    std::vector<double> twice;
    for (const double g : expected.gradient)
        twice.push_back(2 * g);
    lafs_test::check_close(got[0], {expected.loss}, lafs_test::tolerance<T>);
    lafs_test::check_close(got[1], expected.gradient, lafs_test::tolerance<T>);
    lafs_test::check_close(got[3], twice, lafs_test::tolerance<T>);
}

template <class T>
void check_classes(std::int64_t n) {
    const auto x = lafs::uniform_tensor({rows, n}, 3, -4, 4), soft = lafs::uniform_tensor({rows, n}, 4, 0, 1);
    const auto labels = Labels::empty({rows});
    const auto hard = Tensor<double>::zeros({rows, n});
    for (std::int64_t row = 0; row < rows; ++row) {
        labels.data()[row] = (n - 1 + row * 37) % n;  // the last element of a row among them
        hard.data()[row * n + labels.data()[row]] = 1;
    }
    check_loss<T>(x, labels.to<Cuda>(), Plain(x, hard, 0.75));
    check_loss<T>(x, lafs_test::on_gpu<T>(soft), Plain(x, soft, 0.75));
}

}  // namespace

TEST_CASE("cuda cross entropy of hard and soft labels", "[cuda]") {
    for (const std::int64_t n : {1, 7, 200, 1028, 2049}) {  // a warp runs a row, then a block
        check_classes<float>(n);
        check_classes<double>(n);
    }
}

TEST_CASE("cuda cross entropy: a label that is none gives NaN, and is no error", "[cuda]") {
    for (const std::int64_t label : {-1, 4}) {
        const Variable<float, Cuda> x(Tensor<float, Cuda>::full({2, 4}, 1), true);
        const auto loss = cross_entropy(x, Tensor<std::int64_t, Cuda>::from({2}, {1, label}));
        CHECK(std::isnan(loss.item()));
        loss.backward();
        lafs_test::check_close(x.grad().to_vector(),
                               {0.125, -0.375, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125}, 1e-6);
    }
}

TEST_CASE("cuda min-max", "[cuda]") {
    const auto run = [](const Tensor<double>& x, const Tensor<double>& g) {
        return lafs_test::repeated([&] {
            const Variable<double, Cuda> v(x.to<Cuda>(), true);
            const auto y = min_max(v);
            y.backward(g.to<Cuda>());
            return std::vector<std::vector<double>>{y.value().to_vector(), v.grad().to_vector()};
        });
    };
    // y3 = (1 - low) / (high - low): d/d low = -1/4, d/d high = -1/4, d/d x3 = 1/2; two elements are low.
    const auto shared =
        run(Tensor<double>::from({1, 4}, {0, 0, 2, 1}), Tensor<double>::from({1, 4}, {0, 0, 0, 8}));
    CHECK(shared[0] == std::vector<double>{0, 0, 1, 0.5});
    CHECK(shared[1] == std::vector<double>{-1, -1, -2, 4});
    for (const std::int64_t n : {7, 200, 1028}) {
        const auto x = lafs::uniform_tensor({rows, n}, 5), g = lafs::uniform_tensor({rows, n}, 6);
        std::vector<double> y, dx;
        for (std::int64_t row = 0; row < rows; ++row) {
            const double *from = x.data() + row * n, *out = g.data() + row * n;
            const double *low = std::min_element(from, from + n), *high = std::max_element(from, from + n);
            const double range = *high - *low;
            double at_low = 0, at_high = 0;
            for (std::int64_t i = 0; i < n; ++i) {
                y.push_back((from[i] - *low) / range);
                at_low += out[i] * (from[i] - *high) / (range * range);
                at_high -= out[i] * (from[i] - *low) / (range * range);
            }
            for (std::int64_t i = 0; i < n; ++i)
                dx.push_back(out[i] / range + (from + i == low ? at_low : 0) +
                             (from + i == high ? at_high : 0));
        }
        const auto got = run(x, g);
        lafs_test::check_close(got[0], y, 1e-12);
        lafs_test::check_close(got[1], dx, 1e-12);
    }
}
