// A program of a user: uses the installed headers, prints a value and checks it.
#include <cmath>
#include <cstdio>
#include <lafs/core/tensor.hpp>

int main() {
    const auto embedding = lafs::Tensor<float>::from({2, 2}, {0.6f, 0.8f, 1.0f, 0.0f});
    const auto values = embedding.span();
    const float cosine = values[0] * values[2] + values[1] * values[3];
    std::printf("cosine similarity %.3f\n", cosine);
    return std::abs(cosine - 0.6f) < 1e-6f ? 0 : 1;
}
