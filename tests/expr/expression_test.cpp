// Expressions of tensors and views: written to views with any strides, against loops over offsets; `fuse`
// with numbers; on every device.
#include <functional>
#include <lafs/autograd/expression.hpp>
#include <string>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

using Values = std::vector<double>;

/// Where the elements of a view lie in the tensor that it looks into, in row-major order.
template <class T>
std::vector<std::size_t> offsets(const View<T>& view, const DeviceTensor<double>& tensor) {
    std::vector<std::size_t> result;
    for (std::int64_t at = 0; at < view.shape.size(); ++at) {
        std::int64_t offset = view.data - tensor.data(), rest = at;
        for (int axis = view.shape.rank() - 1; axis >= 0; --axis) {
            offset += rest % view.shape[axis] * view.stride[axis];
            rest /= view.shape[axis];
        }
        result.push_back(static_cast<std::size_t>(offset));
    }
    return result;
}

/// The elements of a view, in row-major order.
template <class T>
Values elements(const View<T>& view, const DeviceTensor<double>& tensor) {
    const Values all = tensor.to_vector();
    Values result;
    for (const std::size_t offset : offsets(view, tensor))
        result.push_back(all[offset]);
    return result;
}

/// A view and the tensor that it looks into.
struct Viewed {
    DeviceTensor<double> tensor;
    View<double> view;
};

/// Views of one shape, (3, 4, 7), that lie differently in memory.
std::vector<Viewed> layouts(std::uint64_t seed) {
    const auto make = [seed](const Shape& shape, auto look) {
        const auto tensor = normal(shape, seed);
        return Viewed{tensor, look(tensor.view())};
    };
    return {make({3, 4, 7}, [](auto v) { return v; }),
            make({3, 4, 16}, [](auto v) { return v.narrow(2, 5, 12); }),
            make({3, 9, 7}, [](auto v) { return v.narrow(1, 2, 6); }),
            make({5, 4, 7}, [](auto v) { return v.narrow(0, 1, 4); }),
            make({7, 3, 4},
                 [](auto v) {
                     return v.permute({1, 2, 0});
                 }),
            make({4, 9, 3},
                 [](auto v) {
                     return v.permute({2, 0, 1}).narrow(2, 1, 8);
                 }),
            make({4, 3, 7}, [](auto v) {
                return v.permute({1, 0, 2});
            })};
}

void check_equal(const Values& got, const Values& expected) {
    check_close(got, expected, 1e-14);
}

std::string message_of(const std::function<void()>& function) {
    try {
        function();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("assign, accumulate and put write every element of a strided view and no other", "[expr]") {
    const auto x = normal({3, 4, 7}, 1), row = normal({7}, 2), channel = normal({4, 1}, 3);
    const Values a = x.to_vector(), b = row.to_vector(), c = channel.to_vector();
    const auto value = [&](std::size_t i) { return a[i] * c[i / 7 % 4] + b[i % 7] - 0.25; };
    for (const bool add : {false, true})
        for (const bool by_put : {false, true})
            for (const Viewed& to : layouts(4)) {
                INFO((add ? "accumulate to " : "assign to ") << to.tensor.shape());
                Values expected = to.tensor.to_vector();
                const auto places = offsets(to.view, to.tensor);
                for (std::size_t i = 0; i < places.size(); ++i)
                    expected[places[i]] = value(i) + (add ? expected[places[i]] : 0);
                if (by_put)
                    put(to.view, x * channel + row - 0.25, add);
                else if (add)
                    accumulate(to.view, x * channel + row - 0.25);
                else
                    assign(to.view, x * channel + row - 0.25);
                check_equal(to.tensor.to_vector(), expected);
            }
}

TEST_CASE("a tensor alone, and one that broadcasts, is an expression to be assigned", "[expr]") {
    const auto to = normal({5, 7}, 1), row = normal({7}, 2), one = normal({}, 3);
    assign(to.view(), row);
    Values expected;
    for (int i = 0; i < 5; ++i)
        for (const double v : row.to_vector())
            expected.push_back(v);
    CHECK(to.to_vector() == expected);
    accumulate(to.view().narrow(0, 2, 3), one);
    for (std::size_t k = 14; k < 21; ++k)
        expected[k] += one.item();
    CHECK(to.to_vector() == expected);
    assign(DeviceTensor<double>::zeros({0, 7}).view(), row * 2);  // nothing to write
}

TEST_CASE("views with their device are operands, whatever their strides", "[expr]") {
    const auto others = layouts(1);
    for (const Viewed& from : layouts(2))
        for (const Viewed& other : others) {
            INFO(from.tensor.shape() << " and " << other.tensor.shape());
            const DeviceTensor<double> y = on<Device>(from.view) * 2 - on<Device>(other.view);
            REQUIRE(y.shape() == Shape{3, 4, 7});
            const Values a = elements(from.view, from.tensor), b = elements(other.view, other.tensor);
            Values expected;
            for (std::size_t i = 0; i < a.size(); ++i)
                expected.push_back(a[i] * 2 - b[i]);
            check_equal(y.to_vector(), expected);
        }
}

TEST_CASE("views broadcast: axes of one element, missing axes, strides of 0 and below", "[expr]") {
    const auto x = normal({3, 4}, 1);
    const Values v = x.to_vector();
    const View<const double> column = x.view().permute({1, 0}).narrow(0, 1, 2);  // (1, 3)
    View<const double> repeated = column, reversed = x.view();
    repeated.shape = Shape{5, 3};
    repeated.stride[0] = 0;
    reversed.data += 2 * 4;
    reversed.stride[0] = -4;
    const DeviceTensor<double> product = on<Device>(repeated) * on<Device>(column);
    const DeviceTensor<double> sum = on<Device>(reversed) + x;
    REQUIRE(product.shape() == Shape{5, 3});
    Values squares, sums;
    for (std::size_t i = 0; i < 15; ++i)
        squares.push_back(v[i % 3 * 4 + 1] * v[i % 3 * 4 + 1]);
    for (std::size_t i = 0; i < 12; ++i)
        sums.push_back(v[(2 - i / 4) * 4 + i % 4] + v[i]);
    check_equal(product.to_vector(), squares);
    check_equal(sum.to_vector(), sums);
}

TEST_CASE("an operand may be the target", "[expr]") {
    const auto x = normal({3, 8}, 1), y = normal({8}, 2);
    Values expected = x.to_vector();
    const Values b = y.to_vector();
    for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] = expected[i] * expected[i] - b[i % 8];
    assign(x.view(), x * x - y);
    check_equal(x.to_vector(), expected);
    accumulate(x.view(), x * 2);
    for (double& v : expected)
        v *= 3;
    check_equal(x.to_vector(), expected);
    const View<double> columns = x.view().permute({1, 0}).narrow(0, 2, 5);
    assign(columns, on<Device>(columns) + 1);
    for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] += i % 8 >= 2 && i % 8 < 5;
    check_equal(x.to_vector(), expected);
}

TEST_CASE("targets that an expression does not broadcast to are named", "[expr]") {
    const auto x = normal({2, 3}, 1), to = normal({3}, 2), long_row = normal({4}, 3);
    const Values before = to.to_vector();
    CHECK(message_of([&] { assign(to.view(), x * 2); }) ==
          "[assign] got an expression of shape (2, 3), expected one that broadcasts to (3,)");
    CHECK(message_of([&] { accumulate(to.view(), x); }) ==
          "[accumulate] got an expression of shape (2, 3), expected one that broadcasts to (3,)");
    CHECK_THROWS_AS(put(to.view(), x, true), Error);
    const std::string sizes_differ = message_of([&] { assign(x.view(), long_row); });
    CHECK(sizes_differ.find("(4,)") != std::string::npos);
    CHECK(sizes_differ.find("(2, 3)") != std::string::npos);
    CHECK_THROWS_AS(assign(to.view(), x + long_row), Error);
    CHECK_THROWS_AS(assign(to.view(), DeviceTensor<double>() * 2), Error);
    CHECK(to.to_vector() == before);
}

TEST_CASE("numbers in fuse are operands, on either side, captured or written", "[expr]") {
    const double factor = 0.75;
    const int shift = 3;
    const auto check = [](auto function, auto truth) {
        for (const std::int64_t n : lengths()) {
            INFO("length " << n);
            const Var x(uniform({2, n}, 1, 0.5, 2.0), true), y(uniform({n}, 2, 0.5, 2.0), true);
            const auto a = host(x), b = host(y);
            Values expected;
            for (std::int64_t i = 0; i < 2 * n; ++i)
                expected.push_back(truth(a.data()[i], b.data()[i % n]));
            check_equal(fuse(function, x.value(), y.value()).eval().to_vector(), expected);
            check_derivative([&](const Inputs& in) { return fuse(function, in[0], in[1]); }, {x, y});
        }
    };
    check([](auto a, auto b) { return a * 2 + b / 3; }, [](double a, double b) { return a * 2 + b / 3; });
    check([](auto a, auto b) { return 2 - (a / 4 - 1.5) * (b + 0.5f); },
          [](double a, double b) { return 2 - (a / 4 - 1.5) * (b + 0.5); });
    check([=](auto a, auto b) { return factor * a / (b + shift) + square(a) * factor; },
          [=](double a, double b) { return factor * a / (b + shift) + a * a * factor; });
    check([](auto a, auto b) { return where(a < 1.25, a * 3, 2 / b); },
          [](double a, double b) { return a < 1.25 ? a * 3 : 2 / b; });
    check([](auto a, auto b) { return where(1.25 >= b, clamp(a, 0.75, 1.5), max(b, 1.5) - 1) * b; },
          [](double a, double b) {
              return (1.25 >= b ? std::min(std::max(a, 0.75), 1.5) : std::max(b, 1.5) - 1) * b;
          });
    check([](auto a, auto b) { return equal(min(a, 4), a) * b; }, [](double, double b) { return b; });
}

TEST_CASE("fuse without numbers, of one operand, of floats", "[expr]") {
    const auto x = normal<float>({37}, 1);
    const Tensor<float> from = host(x),
                        got = host<float>(fuse([](auto a) { return a * a * 0.1 + a; }, x).eval());
    for (std::int64_t i = 0; i < 37; ++i) {
        const double v = from.data()[i];
        CHECK(got.data()[i] == Approx(v * v * 0.1 + v).margin(1e-6));
    }
    CHECK(fuse([](auto a) { return a; }, x).eval().to_vector() == x.to_vector());
}

TEST_CASE("fuse takes views, and tensors beside views or variables", "[expr]") {
    const auto row = normal({7}, 1);
    const Values b = row.to_vector();
    const auto function = [](auto a, auto r) { return tanh(a) * r + a / 2; };
    for (const Viewed& from : layouts(2)) {
        INFO(from.tensor.shape());
        const Values a = elements(from.view, from.tensor);
        Values expected;
        for (std::size_t i = 0; i < a.size(); ++i)
            expected.push_back(std::tanh(a[i]) * b[i % 7] + a[i] / 2);
        check_equal(fuse(function, on<Device>(from.view), row).eval().to_vector(), expected);
        const auto to = normal({3, 4, 7}, 3);
        assign(to.view(), fuse(function, on<Device>(from.view), row));
        check_equal(to.to_vector(), expected);
    }
    check_derivative([&](const Inputs& in) { return fuse(function, in[0], row); },
                     {Var(normal({3, 7}, 1), true)});
}

TEST_CASE("contiguous copies a view of any strides", "[expr]") {
    for (const Viewed& from : layouts(1)) {
        INFO(from.tensor.shape());
        const auto copy = contiguous(from.view, Device{});
        CHECK(copy.shape() == Shape{3, 4, 7});
        CHECK(copy.data() != from.tensor.data());
        CHECK(copy.to_vector() == elements(from.view, from.tensor));
    }
}
