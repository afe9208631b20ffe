// A program of a user: a fused expression and its gradient from the installed headers, checked by hand.
#include <cmath>
#include <cstdio>
#include <lafs/autograd/expression.hpp>
#include <lafs/autograd/reductions.hpp>

int main() {
    const lafs::Variable<float> x(lafs::Tensor<float>::from({2, 2}, {1.0f, 2.0f, 3.0f, 4.0f}), true);
    const lafs::Variable<float> scale(lafs::Tensor<float>::from({2}, {0.5f, -1.0f}), true);

    const lafs::Variable<float> y = square(x * scale);
    const auto total = mean(y);
    total.backward();

    // mean of (0.25, 4, 2.25, 16); its derivative by scale is the mean of 2 x^2 scale over the rows, halved.
    const auto gradient = scale.grad().span();
    std::printf("mean %.4f, gradient %.4f %.4f\n", total.item(), gradient[0], gradient[1]);
    const bool right = std::abs(total.item() - 5.625f) < 1e-5f && std::abs(gradient[0] - 2.5f) < 1e-5f &&
                       std::abs(gradient[1] + 10.0f) < 1e-5f;
    return right ? 0 : 1;
}
