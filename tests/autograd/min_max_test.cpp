#include <lafs/autograd/min_max.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

namespace {

using lafs::Tensor;
using lafs::Variable;

TEST_CASE("min_max scales rows to [0, 1]", "[autograd]") {
    const Variable<float> x(Tensor<float>::from({2, 5}, {2, 4, -2, 0, 1, 7, 7, 3, 5, 7}));
    const auto y = lafs::min_max(x).value().to_vector();
    const std::vector<float> expected = {4 / 6.f, 1, 0, 2 / 6.f, 3 / 6.f, 1, 1, 0, 0.5, 1};
    for (std::size_t i = 0; i < y.size(); ++i)
        CHECK(y[i] == Approx(expected[i]));
}

TEST_CASE("min_max has the gradients of its formula", "[autograd]") {
    for (const lafs::Shape& shape : {lafs::Shape{3, 2}, lafs::Shape{2, 3, 19}, lafs::Shape{40}}) {
        const auto result = lafs::check_gradients([](const auto& in) { return lafs::min_max(in[0]); },
                                                  {Variable<double>(lafs::normal_tensor(shape, 1), true)});
        INFO(result);
        CHECK(result.ok());
    }
}

TEST_CASE("min_max shares an extreme's gradient among those that reach it", "[autograd]") {
    const Variable<double> x(Tensor<double>::from({1, 4}, {0, 0, 2, 1}), true);
    lafs::min_max(x).backward(Tensor<double>::from({1, 4}, {0, 0, 0, 8}));
    // y3 = (1 - low) / (high - low): d/d low = -1/4, d/d high = -1/4, d/d x3 = 1/2.
    CHECK(x.grad().to_vector() == std::vector<double>{-1, -1, -2, 4});
}

TEST_CASE("min_max of equal values is 0 without gradient", "[autograd]") {
    const Variable<float> x(Tensor<float>::full({2, 7}, 3.5f), true);
    const auto y = lafs::min_max(x);
    CHECK(y.value().to_vector() == std::vector<float>(14, 0.0f));
    y.backward(Tensor<float>::full({2, 7}, 1.0f));
    CHECK(x.grad().to_vector() == std::vector<float>(14, 0.0f));
    CHECK_THROWS_AS(lafs::min_max(Variable<float>(Tensor<float>::zeros({}))), lafs::Error);
}

}  // namespace
