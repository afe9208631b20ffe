// Sums over an axis on the GPU, and their gradients, against plain loops in double.
#include <lafs/autograd/reductions.hpp>
#include <lafs/cuda.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"

namespace {

using lafs::Cuda;
using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;

/// Sum over the middle axis of (outer, n, inner).
template <class T>
void check_sum(std::int64_t outer, std::int64_t n, std::int64_t inner) {
    const auto x = lafs_test::exact<T>(lafs::uniform_tensor({outer, n, inner}, 1));
    std::vector<double> expected(static_cast<std::size_t>(outer * inner), 0.0);
    for (std::int64_t at = 0; at < x.size(); ++at)
        expected[static_cast<std::size_t>(at / (n * inner) * inner + at % inner)] += x.data()[at];
    const auto got = lafs_test::repeated(
        [&] { return sum(Variable<T, Cuda>(lafs_test::on_gpu<T>(x)), 1).value().to_vector(); });
    lafs_test::check_close(got, expected, lafs_test::tolerance<T>);
}

}  // namespace

TEST_CASE("cuda sum over an axis", "[cuda]") {
    for (const std::int64_t n : {1, 7, 197, 1000}) {
        check_sum<float>(3, n, 1);
        check_sum<float>(2, n, 5);
        check_sum<double>(2, n, 1);
        check_sum<double>(1, n, 70);
    }
}

TEST_CASE("cuda sum cut into chunks", "[cuda]") {
    check_sum<float>(1, 20000, 1);
    check_sum<double>(2, 20000, 1);
    check_sum<float>(1, 3000, 7);
    check_sum<double>(1, 600, 40);
    check_sum<float>(2, 3000, 12);
    check_sum<float>(3, 8196, 1);  // a long axis moves 16 bytes at a time
    check_sum<float>(1, 8197, 1);  // or not
}

TEST_CASE("cuda sum of bfloat16 is one of floats", "[cuda]") {
    check_sum<lafs::bfloat16>(2, 9000, 1);
    check_sum<lafs::bfloat16>(1, 301, 16);
}

TEST_CASE("cuda sum: empty axes", "[cuda]") {
    check_sum<float>(3, 0, 2);
    check_sum<float>(0, 3, 2);
    check_sum<float>(3, 2, 0);
}

TEST_CASE("cuda mean and its gradient, which adds", "[cuda]") {
    const Variable<double, Cuda> x(lafs::uniform_tensor({3, 5}, 1).to<Cuda>(), true);
    const auto values = x.value().to_vector();
    double total = 0;
    for (const double value : values)
        total += value;
    const auto result = mean(x);
    CHECK(result.item() == Approx(total / 15));
    result.backward();
    lafs_test::check_close(x.grad().to_vector(), std::vector<double>(15, 1.0 / 15), 1e-15);
    mean(x).backward();
    lafs_test::check_close(x.grad().to_vector(), std::vector<double>(15, 2.0 / 15), 1e-15);

    sum(x, 0).backward(Tensor<double, Cuda>::from({5}, {1, 2, 3, 4, 5}));
    std::vector<double> expected;
    for (int i = 0; i < 15; ++i)
        expected.push_back(2.0 / 15 + i % 5 + 1);
    lafs_test::check_close(x.grad().to_vector(), expected, 1e-14);
}
