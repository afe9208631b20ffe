// += -= *= /= of tensors change the elements; of variables they give another variable to the name.
#include <lafs/autograd/reductions.hpp>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Shape;
using Values = std::vector<float>;

namespace {

DeviceTensor<float> matrix() {
    return DeviceTensor<float>::from({2, 3}, {1, 2, 3, 4, 5, 6});
}

}  // namespace

TEST_CASE("operators in place take numbers, tensors, views and expressions", "[expr]") {
    const DeviceTensor<float> x = matrix(), same = x, y = DeviceTensor<float>::from({3}, {1, 0, -1});
    x += 1;
    CHECK(same.to_vector() == Values{2, 3, 4, 5, 6, 7});  // every handle sees it
    x -= y;
    CHECK(x.to_vector() == Values{1, 3, 5, 4, 6, 8});
    x *= y * 2 + x;
    CHECK(x.to_vector() == Values{3, 9, 15, 24, 36, 48});
    x /= lafs::on<Device>(DeviceTensor<float>::full({2, 1}, 3).view());
    CHECK(x.to_vector() == Values{1, 3, 5, 8, 12, 16});
    (x += 1) *= 2;
    CHECK(x.to_vector() == Values{4, 8, 12, 18, 26, 34});
    x.slice(1, 2) -= 18;
    CHECK(x.to_vector() == Values{4, 8, 12, 0, 8, 16});
}

TEST_CASE("expressions of integers are exact where a float is not", "[expr]") {
    const std::int64_t large = std::int64_t{1} << 40;
    const auto x = DeviceTensor<std::int64_t>::from({3}, {large, 7, -large});
    x += 1;
    CHECK(x.to_vector() == std::vector<std::int64_t>{large + 1, 8, 1 - large});
    const auto turned = lafs::contiguous(x.view(), Device{});
    CHECK(turned.to_vector() == x.to_vector());
    const auto small = DeviceTensor<int>::from({1}, {16'777'217});
    small *= 3;
    CHECK(small.item() == 50'331'651);
}

TEST_CASE("operators in place read what shares their memory as it was before", "[expr]") {
    const DeviceTensor<float> x = matrix();
    x -= x.slice(0, 1);  // the first row from every row
    CHECK(x.to_vector() == Values{0, 0, 0, 3, 3, 3});
    const DeviceTensor<float> square = DeviceTensor<float>::from({2, 2}, {1, 2, 3, 4});
    square += lafs::on<Device>(square.view().permute({1, 0}));
    CHECK(square.to_vector() == Values{2, 5, 5, 8});
    square += square * square;  // the same elements in the same places
    CHECK(square.to_vector() == Values{6, 30, 30, 72});
    const DeviceTensor<float> row = DeviceTensor<float>::from({4}, {1, 2, 3, 4});
    row.slice(1, 4) += row.slice(0, 3);
    CHECK(row.to_vector() == Values{1, 3, 5, 7});
}

TEST_CASE("operators in place refuse what does not broadcast to the tensor", "[expr]") {
    const DeviceTensor<float> x = matrix();
    CHECK_THROWS_AS(x += DeviceTensor<float>::zeros({2}), lafs::Error);
    CHECK_THROWS_AS(x[0] += x, lafs::Error);  // would become larger
    CHECK_THROWS_AS(x += DeviceTensor<float>(), lafs::Error);
    CHECK_THROWS_AS(DeviceTensor<float>() += 1, lafs::Error);
    CHECK(x.to_vector() == Values{1, 2, 3, 4, 5, 6});
}

TEST_CASE("operators of variables leave the value of other handles alone", "[autograd]") {
    const Var start(DeviceTensor<double>::from({2}, {1, 2}), true);
    Var x = start;
    x *= x;
    x += 3;
    x -= start * 2;
    x /= 2;
    CHECK(x.value().to_vector() == std::vector<double>{1, 1.5});
    CHECK(start.value().to_vector() == std::vector<double>{1, 2});
    sum(x).backward();
    CHECK(start.grad().to_vector() == std::vector<double>{0, 1});  // (2 x - 2) / 2
    CHECK_THROWS_AS(x += DeviceTensor<double>::zeros({2, 2}), lafs::Error);
    CHECK(x.shape() == Shape{2});
    Var undefined;
    CHECK_THROWS_AS(undefined += 1, lafs::Error);
}
