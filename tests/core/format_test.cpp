// Tensors and variables as text.
#include <lafs/autograd/format.hpp>
#include <sstream>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Tensor;

TEST_CASE("tensors print as nested brackets with numbers of one width", "[core]") {
    CHECK(to_string(DeviceTensor<float>::from({2, 2}, {1, 2.5f, -3, 4})) == "[[  1, 2.5],\n [ -3,   4]]");
    CHECK(to_string(DeviceTensor<double>::from({3}, {1.0 / 3, 1e-10, 12345678})) ==
          "[   0.333333,       1e-10, 1.23457e+07]");
    CHECK(to_string(DeviceTensor<float>::from({2}, {NAN, -INFINITY})) == "[ nan, -inf]");
    CHECK(to_string(DeviceTensor<std::int64_t>::from({2, 1, 2}, {1, 2, 3, 1LL << 40})) ==
          "[[[            1,             2]],\n\n [[            3, 1099511627776]]]");
    CHECK(to_string(DeviceTensor<std::uint8_t>::from({2}, {65, 7})) == "[65,  7]");
    CHECK(to_string(DeviceTensor<bool>::from({2}, {true, false})) == "[1, 0]");
    CHECK(to_string(DeviceTensor<lafs::bfloat16>::from({1}, {lafs::bfloat16(1.5f)})) == "[1.5]");
    CHECK(to_string(DeviceTensor<float>::full({}, 3)) == "3");
    CHECK(to_string(DeviceTensor<float>::zeros({0})) == "[]");
    CHECK(to_string(DeviceTensor<float>()) == "undefined");
}

TEST_CASE("long tensors print their ends", "[core]") {
    std::vector<int> values(1001);
    for (int i = 0; i < 1001; ++i)
        values[static_cast<std::size_t>(i)] = i;
    CHECK(to_string(DeviceTensor<int>::from({1001}, values)) == "[   0,    1,    2, ...,  998,  999, 1000]");
    CHECK(to_string(DeviceTensor<int>::from({143, 7}, values)) ==
          "[[   0,    1,    2, ...,    4,    5,    6],\n"
          " [   7,    8,    9, ...,   11,   12,   13],\n"
          " [  14,   15,   16, ...,   18,   19,   20],\n"
          " ...,\n"
          " [ 980,  981,  982, ...,  984,  985,  986],\n"
          " [ 987,  988,  989, ...,  991,  992,  993],\n"
          " [ 994,  995,  996, ...,  998,  999, 1000]]");
    CHECK(to_string(DeviceTensor<int>::zeros({1000})).find("...") == std::string::npos);
    CHECK(to_string(DeviceTensor<int>::zeros({std::int64_t{1} << 40, 0})) ==
          "[[],\n [],\n [],\n ...,\n [],\n [],\n []]");
}

TEST_CASE("tensors and variables print to streams", "[core]") {
    std::ostringstream out;
    const auto x = DeviceTensor<float>::from({2}, {1, 2});
    out << x << ' ' << DeviceVariable<float>(x) << ' ' << DeviceVariable<float>();
    CHECK(out.str() == "[1, 2] [1, 2] undefined");
}

TEST_CASE("tensors come from vectors, arrays and spans, and go to them", "[core]") {
    std::vector<float> values{1, 2, 3, 4, 5, 6};
    const std::array<float, 2> pair{7, 8};
    const std::span<float> span(values);
    CHECK(DeviceTensor<float>::from({3, 2}, values).to_vector() == values);
    CHECK(DeviceTensor<float>::from({2}, pair).to_vector() == std::vector<float>{7, 8});
    CHECK(DeviceTensor<float>::from({2}, span.subspan(4)).to_vector() == std::vector<float>{5, 6});
    CHECK_THROWS_AS(DeviceTensor<float>::from({7}, values), lafs::Error);
    const Tensor<float> x = on_host(DeviceTensor<float>::from({2, 3}, values));
    CHECK(std::equal(x.span().begin(), x.span().end(), values.begin(), values.end()));
}
