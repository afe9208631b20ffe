// Functions over variables take expressions and tensors: against formulas written out, and against the same
// function of variables that were made by hand.
#include <lafs/autograd/batch_norm.hpp>
#include <lafs/autograd/class_attention.hpp>
#include <lafs/autograd/concatenate.hpp>
#include <lafs/autograd/conv.hpp>
#include <lafs/autograd/convert.hpp>
#include <lafs/autograd/extremum.hpp>
#include <lafs/autograd/gather.hpp>
#include <lafs/autograd/grid_patches.hpp>
#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/min_max.hpp>
#include <lafs/autograd/reshape.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/autograd/slice.hpp>
#include <lafs/autograd/stochastic_depth.hpp>
#include <lafs/losses/cross_entropy.hpp>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Shape;

namespace {

Var twice(const Var& x) {
    return x * 2;
}

/// A function of an expression, and of a tensor and an expression of tensors, is that of the variable.
template <class Function>
void check_one(const Shape& shape, Function function) {
    const Var x(normal(shape, 1), true);
    const Var of_variable = function(twice(x)), of_expression = function(x * 2);
    CHECK(of_expression.value().to_vector() == of_variable.value().to_vector());
    CHECK(of_expression.shape() == of_variable.shape());
    check_derivative([&](const Inputs& in) -> Var { return function(in[0] * 2); }, {x});
    const DeviceTensor<double> t = x.value(), of_tensors = function(t * 2),
                               of_tensor = function(twice(x).value());
    CHECK(of_tensors.to_vector() == of_variable.value().to_vector());
    CHECK(of_tensor.to_vector() == of_variable.value().to_vector());
}

}  // namespace

TEST_CASE("mean, sum, matmul and softmax of expressions are their formulas", "[autograd]") {
    const Var x(DeviceTensor<double>::from({2, 3}, {1, 2, 3, 4, 5, 6}), true),
        y(DeviceTensor<double>::from({3}, {1, -1, 2}), true);
    const Var average = mean(x * y);
    CHECK(average.item() == Approx((1 - 2 + 6 + 4 - 5 + 12) / 6.0));
    average.backward();
    CHECK(y.grad().to_vector()[0] == Approx(5 / 6.0));
    CHECK(sum(x * x, 0).value().to_vector() == std::vector<double>{17, 29, 45});
    CHECK(sum(x * x, -1, true).shape() == Shape{2, 1});
    const Var product = matmul(x + y, y.value().reshape({3, 1}));
    CHECK(product.value().to_vector() == std::vector<double>{2 - 1 + 10, 5 - 4 + 16});
    const Var shares = softmax(y * 2);
    const double total = std::exp(2.0) + std::exp(-2.0) + std::exp(4.0);
    CHECK(shares.value().to_vector()[2] == Approx(std::exp(4.0) / total));
    const DeviceTensor<double> plain = sum(x.value(), 1);  // of tensors alone: a tensor
    CHECK(plain.to_vector() == std::vector<double>{6, 15});
}

TEST_CASE("functions of one operand take expressions and tensors", "[autograd]") {
    check_one({3, 7}, [](const auto& x) { return sum(x); });
    check_one({3, 7}, [](const auto& x) { return mean(x, 0); });
    check_one({3, 7}, [](const auto& x) { return max_over(x, 1); });
    check_one({3, 7}, [](const auto& x) { return min_over(x, 0); });
    check_one({3, 7}, [](const auto& x) { return min_max(x); });
    check_one({3, 7}, [](const auto& x) { return softmax(x); });
    check_one({3, 7}, [](const auto& x) { return log_softmax(x); });
    check_one({3, 7}, [](const auto& x) { return l2_normalize(x); });
    check_one({3, 8}, [](const auto& x) { return reshape(x, {2, -1}); });
    check_one({3, 8}, [](const auto& x) { return reshape(x, Shape{4, 6}); });
    check_one({3, 8}, [](const auto& x) { return permute(x, {1, 0}); });
    check_one({3, 8}, [](const auto& x) { return slice(x, 1, 2, 5); });
    check_one({3, 8}, [](const auto& x) { return lafs::concatenate({x, x}, 1); });
    check_one({2, 3, 6}, [](const auto& x) { return attention(x, 2, 0.5); });
    check_one({1, 2, 8, 8}, [](const auto& x) { return grid_patches(x, 4); });
    const auto picks = Labels::from({2}, {2, 0});
    check_one({3, 2}, [&](const auto& x) { return index_select(x, picks); });
    check_one({2, 3, 2}, [&](const auto& x) { return gather(x, picks.reshape({2, 1})); });
    check_one({3, 2}, [&](const auto& x) { return dropout(x, 0.5, false); });
    check_one({3, 2}, [&](const auto& x) { return stochastic_depth(x, 0.5, false); });
}

TEST_CASE("functions of several operands take any mixture", "[autograd]") {
    const Var x(normal({4, 3}, 1), true), w(normal({5, 3}, 2), true), b(normal({5}, 3), true),
        gain(normal({3}, 4), true);
    const auto check = [](const Var& got, const Var& expected) {
        CHECK(got.value().to_vector() == expected.value().to_vector());
        CHECK(got.requires_grad());
    };
    const Var x2 = x * 2, w2 = w * 2, b2 = b * 2, g2 = gain * 2;
    check(linear(x * 2, w), linear(x2, w));
    check(linear(x * 2, w, b), linear(x2, w, b));
    check(linear(x, w, b * 2), linear(x, w, b2));
    check(linear(x.value(), w * 2, b.value() * 2), linear(x, w2, b2));
    check(matmul(x * 2, w, lafs::Transpose::no, lafs::Transpose::yes),
          matmul(x2, w, lafs::Transpose::no, lafs::Transpose::yes));
    check(layer_norm(x, gain * 2, gain.value(), 1e-5), layer_norm(x, g2, gain, 1e-5));
    const lafs::RunningStatistics<double, Device> running{DeviceTensor<double>::full({3}, 0.5),
                                                          DeviceTensor<double>::full({3}, 2)};
    check(batch_norm(x * 2, gain, gain, running, {.training = false}),
          batch_norm(x2, gain, gain, running, {.training = false}));
    const Var images(normal({1, 2, 6, 6}, 5), true), kernel(normal({3, 2, 3, 3}, 6), true);
    const Var images2 = images * 2;
    check(conv2d(images * 2, kernel), conv2d(images2, kernel));
    check(conv2d(images * 2, kernel, gain.value(), {.stride = 2}),
          conv2d(images2, kernel, gain, {.stride = 2}));
    const Var points(uniform({1, 2, 2}, 7, 1, 4), true);
    check(landmark_patches(images * 2, points.value(), 2), landmark_patches(images2, points, 2));
    const Var kv(normal({4, 2, 6}, 8), true);
    check(class_attention(x * 2, kv, 1, 0.5), class_attention(x2, kv, 1, 0.5));
    check(add_branch(x, x * 2, 0, 0), add_branch(x, x2, 0, 0));
}

TEST_CASE("cross entropy takes expressions as logits and as shares", "[losses]") {
    const Var x(normal({3, 4}, 1), true);
    const Var x2 = x * 2;
    const auto labels = Labels::from({3}, {1, 0, 3});
    const DeviceTensor<double> shares = softmax(normal({3, 4}, 2)), halves = shares * 0.5;
    CHECK(cross_entropy(x * 2, labels).item() == cross_entropy(x2, labels).item());
    CHECK(cross_entropy(x * 2, shares).item() == cross_entropy(x2, shares).item());
    CHECK(cross_entropy(x2, shares * 0.5).item() == cross_entropy(x2, halves).item());
    CHECK(cross_entropy(x * 2, shares * 0.5).item() == cross_entropy(x2, halves).item());
    check_derivative([&](const Inputs& in) { return cross_entropy(in[0] * 2, labels); }, {x});
}

TEST_CASE("cast takes an expression", "[autograd]") {
    const DeviceVariable<float> x(DeviceTensor<float>::from({2}, {1.5f, -2}), true);
    const Var y = lafs::cast<double>(x * 2);
    CHECK(y.value().to_vector() == std::vector<double>{3, -4});
    sum(y * y).backward();
    CHECK(x.grad().to_vector() == std::vector<float>{12, -16});
    const DeviceTensor<double> t = lafs::cast<double>(x.value() * 2);
    CHECK(t.to_vector() == std::vector<double>{3, -4});
}

TEST_CASE("an undefined tensor is no operand", "[autograd]") {
    CHECK_THROWS_AS(sum(DeviceTensor<double>()), lafs::Error);
}
