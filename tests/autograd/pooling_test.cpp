// Pooling against its definition loop by loop, gradients by differences, PyTorch's values; on every device.
#include <array>
#include <cmath>
#include <lafs/autograd/convert.hpp>
#include <lafs/autograd/pooling.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

/// What each window holds, pixel by pixel over the padded plane: f(values inside, pixels of the kernel).
template <class F>
std::vector<double> windows(const Tensor<double>& x, const PoolOptions& o, const F& f) {
    const std::int64_t height = x.shape(-2), width = x.shape(-1), planes = x.size() / height / width;
    std::vector<double> results;
    for (std::int64_t p = 0; p < planes; ++p)
        for (std::int64_t v = -o.padding; v + o.kernel <= height + o.padding; v += o.stride)
            for (std::int64_t u = -o.padding; u + o.kernel <= width + o.padding; u += o.stride) {
                std::vector<double> inside;
                for (std::int64_t a = v; a < v + o.kernel; ++a)
                    for (std::int64_t b = u; b < u + o.kernel; ++b)
                        if (a >= 0 && a < height && b >= 0 && b < width)
                            inside.push_back(x.data()[(p * height + a) * width + b]);
                results.push_back(f(inside, o.kernel * o.kernel));
            }
    return results;
}

/// The same over the areas of an adaptive pooling.
template <class F>
std::vector<double> areas(const Tensor<double>& x, std::int64_t rows, std::int64_t columns, const F& f) {
    const std::int64_t height = x.shape(-2), width = x.shape(-1), planes = x.size() / height / width;
    const auto within = [](std::int64_t pixel, std::int64_t i, std::int64_t size, std::int64_t out) {
        const auto at = [&](std::int64_t k) {
            return static_cast<double>(k * size) / static_cast<double>(out);
        };
        return pixel >= std::floor(at(i)) && pixel < std::ceil(at(i + 1));
    };
    std::vector<double> results;
    for (std::int64_t p = 0; p < planes; ++p)
        for (std::int64_t v = 0; v < rows; ++v)
            for (std::int64_t u = 0; u < columns; ++u) {
                std::vector<double> inside;
                for (std::int64_t a = 0; a < height; ++a)
                    for (std::int64_t b = 0; b < width; ++b)
                        if (within(a, v, height, rows) && within(b, u, width, columns))
                            inside.push_back(x.data()[(p * height + a) * width + b]);
                results.push_back(f(inside, static_cast<std::int64_t>(inside.size())));
            }
    return results;
}

double sum_of(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values)
        sum += v;
    return sum;
}
const auto mean_of = [](const std::vector<double>& values, std::int64_t kernel) {
    return sum_of(values) / static_cast<double>(kernel);
};
const auto largest_of = [](const std::vector<double>& values, std::int64_t) {
    return *std::max_element(values.begin(), values.end());
};

}  // namespace

TEST_CASE("pooling over windows equals its definition", "[autograd]") {
    for (const PoolOptions o :
         {PoolOptions{2, 2, 0}, PoolOptions{3, 2, 1}, PoolOptions{3, 1, 1}, PoolOptions{2, 3, 0},
          PoolOptions{5, 1, 2}, PoolOptions{1, 1, 0}, PoolOptions{4, 2, 2}}) {
        INFO("kernel " << o.kernel << ", stride " << o.stride << ", padding " << o.padding);
        const Var x(normal({2, 3, 7, 10}, 1), true);
        check_close(avg_pool2d(x, o).value().to_vector(), windows(host(x), o, mean_of), 1e-14);
        check_close(max_pool2d(x, o).value().to_vector(), windows(host(x), o, largest_of), 0);
        PoolOptions inside = o;
        inside.count_padding = false;
        check_close(avg_pool2d(x, inside).value().to_vector(),
                    windows(host(x), o,
                            [](const auto& values, std::int64_t) {
                                return sum_of(values) / static_cast<double>(values.size());
                            }),
                    1e-14);
        check_derivative([&](const Inputs& in) { return avg_pool2d(in[0], o); }, {x});
        check_derivative([&](const Inputs& in) { return avg_pool2d(in[0], inside); }, {x});
        check_derivative([&](const Inputs& in) { return max_pool2d(in[0], o); }, {x});
    }
}

TEST_CASE("pooling of wide planes, in float and double, finds values and the first of equal ones",
          "[autograd]") {
    for (const PoolOptions o : {PoolOptions{3, 1, 1}, PoolOptions{3, 2, 1}, PoolOptions{2, 2, 0}}) {
        const auto values = normal_tensor({2, 5, 67}, 1);
        for (std::int64_t i = 0; i < values.size(); ++i)  // many equal
            values.data()[i] = std::round(2 * values.data()[i]);
        const Var x(on_device(values), true);
        const auto y = max_pool2d(x, o);
        check_close(y.value().to_vector(), windows(values, o, largest_of), 0);
        const auto narrow = max_pool2d(DeviceVariable<float>(cast<float>(x.value())), o).value().to_vector();
        check_close(narrow, windows(values, o, largest_of), 0);
        // Each window adds its number to the first of its largest elements.
        std::vector<double> numbers, expected(static_cast<std::size_t>(values.size()));
        for (std::int64_t p = 0; p < 2; ++p)
            for (std::int64_t v = -o.padding; v + o.kernel <= 5 + o.padding; v += o.stride)
                for (std::int64_t u = -o.padding; u + o.kernel <= 67 + o.padding; u += o.stride) {
                    std::int64_t best = -1;
                    for (std::int64_t a = std::max<std::int64_t>(v, 0);
                         a < std::min<std::int64_t>(v + o.kernel, 5); ++a)
                        for (std::int64_t b = std::max<std::int64_t>(u, 0);
                             b < std::min<std::int64_t>(u + o.kernel, 67); ++b)
                            if (const std::int64_t at = (p * 5 + a) * 67 + b;
                                best < 0 || values.data()[at] > values.data()[best])
                                best = at;
                    numbers.push_back(static_cast<double>(numbers.size() + 1));
                    expected[static_cast<std::size_t>(best)] += numbers.back();
                }
        y.backward(DeviceTensor<double>::from(y.shape(), numbers));
        check_close(x.grad().to_vector(), expected, 0);
    }
}

TEST_CASE("adaptive pooling equals its definition", "[autograd]") {
    for (const auto& size :
         std::vector<std::array<std::int64_t, 2>>{{1, 1}, {7, 10}, {3, 4}, {2, 7}, {9, 13}}) {
        const std::int64_t rows = size[0], columns = size[1];
        INFO(rows << " x " << columns);
        const Var x(normal({2, 2, 7, 10}, 1), true);
        check_close(adaptive_avg_pool2d(x, rows, columns).value().to_vector(),
                    areas(host(x), rows, columns, mean_of), 1e-14);
        check_close(adaptive_max_pool2d(x, rows, columns).value().to_vector(),
                    areas(host(x), rows, columns, largest_of), 0);
        check_derivative([&](const Inputs& in) { return adaptive_avg_pool2d(in[0], rows, columns); }, {x});
        check_derivative([&](const Inputs& in) { return adaptive_max_pool2d(in[0], rows, columns); }, {x});
    }
}

TEST_CASE("pooling of small planes, worked out by hand", "[autograd]") {
    const Var x(DeviceTensor<double>::from({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), true);
    CHECK(max_pool2d(x, {2, 1, 0}).value().to_vector() == std::vector<double>{5, 6, 8, 9});
    CHECK(avg_pool2d(x, {2, 1, 0}).value().to_vector() == std::vector<double>{3, 4, 6, 7});
    CHECK(max_pool2d(x, {2}).value().to_vector() == std::vector<double>{5});  // stride: the kernel
    CHECK(avg_pool2d(x, {2, 2, 1}).value().to_vector() == std::vector<double>{0.25, 1.25, 2.75, 7});
    CHECK(adaptive_avg_pool2d(x, 2, 2).value().to_vector() == std::vector<double>{3, 4, 6, 7});
    // Of equal elements the first takes the gradient, of overlapping windows it adds.
    const Var equal(DeviceTensor<double>::full({1, 1, 2, 3}, 4.0), true);
    max_pool2d(equal, {2, 1, 0}).backward(DeviceTensor<double>::from({1, 1, 1, 2}, {1, 10}));
    CHECK(equal.grad().to_vector() == std::vector<double>{1, 10, 0, 0, 0, 0});
}

TEST_CASE("pooling of 16-bit elements sums in float", "[autograd]") {
    const DeviceVariable<bfloat16> x(DeviceTensor<bfloat16>::full({1, 16, 16}, bfloat16(3.0f)), true);
    const auto y = adaptive_avg_pool2d(x, 1, 1);
    CHECK(static_cast<float>(y.item()) == 3.0f);
    y.backward(DeviceTensor<bfloat16>::full({1, 1, 1}, bfloat16(256.0f)));
    CHECK(static_cast<float>(x.grad().to_vector()[77]) == 1.0f);
    CHECK(static_cast<float>(max_pool2d(x, {16}).item()) == 3.0f);
}

TEST_CASE("a NaN passes pooling and takes the gradient of its windows", "[autograd]") {
    std::vector<double> values(2 * 40, 1.0);
    values[7] = NAN;
    values[47] = NAN;  // of the same windows, below: it comes second
    for (const std::int64_t padding : {0, 1}) {
        const Var x(DeviceTensor<double>::from({1, 2, 40}, values), true);
        const auto y = max_pool2d(x, {2, 2, padding});
        const auto got = y.value().to_vector();
        CHECK(std::count_if(got.begin(), got.end(), [](double v) { return std::isnan(v); }) == 1 + padding);
        CHECK(std::isnan(adaptive_max_pool2d(x, 1, 1).item()));
        CHECK(std::isnan(avg_pool2d(x, {2}).value().to_vector()[3]));
        y.backward(DeviceTensor<double>::full(y.shape(), 1));
        CHECK(x.grad().to_vector()[7] == 1);
        CHECK(x.grad().to_vector()[47] == static_cast<double>(padding));
    }
}

TEST_CASE("pooling refuses sizes that do not fit", "[autograd]") {
    const Var x(normal({1, 1, 4, 5}, 1)), flat(normal({5}, 1));
    CHECK_THROWS_AS(max_pool2d(x, {0}), Error);
    CHECK_THROWS_AS(max_pool2d(x, {5}), Error);
    CHECK_THROWS_AS(max_pool2d(x, {2, -1}), Error);
    CHECK_THROWS_AS(avg_pool2d(x, {3, 1, 2}), Error);
    CHECK_THROWS_AS(avg_pool2d(flat, {1}), Error);
    CHECK_THROWS_AS(adaptive_avg_pool2d(x, 0, 1), Error);
    CHECK_THROWS_AS(adaptive_max_pool2d(Var(normal({1, 0, 5}, 1)), 1, 1), Error);
    CHECK(max_pool2d(Var(normal({0, 3, 4, 4}, 1)), {2}).shape() == Shape{0, 3, 2, 2});
}
