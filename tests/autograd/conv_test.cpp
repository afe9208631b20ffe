// Convolution against its formula loop by loop, gradients by differences; on every device.
#include <cmath>
#include <lafs/autograd/conv.hpp>
#include <string>

#include "device_values.hpp"

namespace {

using namespace lafs_test;
using lafs::ConvOptions;
using lafs::Shape;
using lafs::Tensor;

/// The formula of primitives/convolution.hpp, loop by loop, in double.
template <class T>
std::vector<double> reference(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& bias,
                              ConvOptions options, const Shape& out) {
    std::vector<double> y;
    const std::int64_t channels = x.shape(1), height = x.shape(2), width = x.shape(3), group = w.shape(1);
    for (std::int64_t n = 0; n < out[0]; ++n)
        for (std::int64_t o = 0; o < out[1]; ++o)
            for (std::int64_t v = 0; v < out[2]; ++v)
                for (std::int64_t u = 0; u < out[3]; ++u) {
                    double sum = bias.defined() ? bias.data()[o] : 0.0;
                    for (std::int64_t c = 0; c < group; ++c)
                        for (std::int64_t a = 0; a < w.shape(2); ++a)
                            for (std::int64_t b = 0; b < w.shape(3); ++b) {
                                const std::int64_t row =
                                    v * options.stride - options.padding + a * options.dilation;
                                const std::int64_t column =
                                    u * options.stride - options.padding + b * options.dilation;
                                if (row < 0 || row >= height || column < 0 || column >= width)
                                    continue;
                                const std::int64_t channel = o / (out[1] / options.groups) * group + c;
                                sum += double{x.data()[((n * channels + channel) * height + row) * width +
                                                       column]} *
                                       w.data()[((o * group + c) * w.shape(2) + a) * w.shape(3) + b];
                            }
                    y.push_back(sum);
                }
    return y;
}

struct Case {
    Shape x, w, out;
    ConvOptions options;
};

const Case cases[] = {
    {{2, 3, 9, 11}, {5, 3, 3, 3}, {2, 5, 5, 6}, {2, 1, 1}},  // the stem's kind, odd sizes
    {{3, 5, 4, 4}, {7, 5, 1, 1}, {3, 7, 4, 4}, {1, 0, 1}},   // panels span images
    {{1, 2, 13, 17}, {33, 2, 1, 1}, {1, 33, 13, 17}, {1, 0, 1}},
    {{2, 4, 7, 7}, {3, 4, 1, 1}, {2, 3, 4, 4}, {2, 0, 1}},  // one pixel, strided
    {{2, 2, 6, 5}, {3, 2, 2, 4}, {2, 3, 9, 6}, {1, 2, 1}},  // even, oblong, padding over half
    {{1, 40, 3, 3}, {13, 40, 3, 3}, {1, 13, 1, 1}, {1, 0, 1}},
    {{2, 3, 7, 7}, {3, 1, 3, 3}, {2, 3, 7, 7}, {1, 1, 3}},  // depthwise
    {{2, 5, 9, 6}, {5, 1, 5, 5}, {2, 5, 5, 3}, {2, 2, 5}},
    {{3, 4, 4, 4}, {4, 1, 5, 5}, {3, 4, 4, 4}, {1, 2, 4}},
    {{1, 2, 20, 37}, {2, 1, 3, 3}, {1, 2, 20, 37}, {1, 1, 2}},
    {{1, 3, 8, 9}, {3, 1, 2, 3}, {1, 3, 3, 3}, {3, 1, 3}},  // some phases have no tap
    {{2, 2, 6, 6}, {2, 1, 1, 1}, {2, 2, 2, 2}, {3, 0, 2}},
    {{2, 6, 7, 5}, {4, 3, 3, 3}, {2, 4, 4, 3}, {2, 1, 2}},       // groups
    {{3, 4, 4, 3}, {6, 2, 1, 1}, {3, 6, 4, 3}, {1, 0, 2}},       // groups of one pixel, panels span images
    {{2, 3, 5, 6}, {6, 1, 3, 3}, {2, 6, 5, 6}, {1, 1, 3}},       // two outputs of each channel
    {{2, 4, 5, 5}, {2, 2, 3, 3}, {2, 2, 5, 5}, {1, 1, 2}},       // groups of one output
    {{2, 3, 9, 8}, {4, 3, 3, 3}, {2, 4, 9, 8}, {1, 2, 1, 2}},    // dilation
    {{1, 2, 13, 9}, {3, 2, 3, 2}, {1, 3, 4, 3}, {2, 0, 1, 3}},   // dilation, strided
    {{2, 4, 9, 9}, {4, 2, 3, 3}, {2, 4, 5, 5}, {2, 2, 2, 2}},    // groups and dilation
    {{2, 3, 9, 8}, {3, 1, 3, 3}, {2, 3, 9, 8}, {1, 2, 3, 2}},    // depthwise and dilation
    {{2, 2, 14, 11}, {2, 1, 3, 3}, {2, 2, 5, 4}, {2, 0, 2, 2}},  // dilation is the stride
    {{1, 2, 15, 12}, {2, 1, 3, 2}, {1, 2, 7, 7}, {2, 2, 2, 3}},
};

template <class T>
void check_forward(const Case& c, bool with_bias) {
    const DeviceVariable<T> x(normal<T>(c.x, 1)), w(normal<T>(c.w, 2));
    const auto bias = with_bias ? DeviceVariable<T>(normal<T>({c.w[0]}, 3)) : DeviceVariable<T>();
    const auto y = lafs::conv2d(x, w, bias, c.options);
    REQUIRE(y.shape() == c.out);
    const auto expected = reference(host(x), host(w), with_bias ? host(bias) : Tensor<T>(), c.options, c.out);
    const auto got = y.value().to_vector();
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
        worst = std::max(worst, std::abs(expected[i] - got[i]));
    CHECK(worst < (sizeof(T) == 4 ? 2e-5 : 1e-13));
}

TEST_CASE("conv2d equals the written-out sum", "[autograd]") {
    for (const Case& c : cases) {
        INFO("x " << c.x << ", w " << c.w);
        check_forward<float>(c, false);
        check_forward<float>(c, true);
        check_forward<double>(c, true);
    }
}

TEST_CASE("conv2d has the gradients of its formula, accumulates and repeats", "[autograd]") {
    for (const Case& c : cases)
        for (const bool with_bias : {false, true}) {
            INFO("x " << c.x << ", w " << c.w);
            const Var x(normal(c.x, 1), true), w(normal(c.w, 2), true);
            const Var bias = with_bias ? Var(normal({c.w[0]}, 3), true) : Var();
            check_derivative([&](const Inputs& in) { return lafs::conv2d(in[0], in[1], in[2], c.options); },
                             {x, w, bias});
        }
}

TEST_CASE("conv2d computes only the gradients that are wanted", "[autograd]") {
    for (const std::int64_t groups : {1, 3}) {
        const Var x(normal({2, 3, 5, 5}, 1), groups == 1),
            w(normal({3, groups == 1 ? 3 : 1, 3, 3}, 2), groups != 1);
        check_derivative(
            [&](const Inputs& in) {
                return lafs::conv2d(in[0], in[1], {}, {1, 1, groups});
            },
            {x, w});
    }
}

/// A long sum of gradients over many chunks of columns, against one in double.
TEST_CASE("conv2d sums weight gradients over many images", "[autograd]") {
    const Shape x_shape{5, 6, 23, 29}, w_shape{14, 6, 1, 1};
    const DeviceVariable<float> x(normal<float>(x_shape, 1)), w(normal<float>(w_shape, 2), true);
    const auto y = lafs::conv2d(x, w);
    const auto output_gradient = normal<float>(y.shape(), 3);
    y.backward(output_gradient);
    const auto from = host(x), g = host(output_gradient), gradient = host(w.grad());
    const std::int64_t plane = 23 * 29;
    for (std::int64_t o = 0; o < 14; ++o)
        for (std::int64_t c = 0; c < 6; ++c) {
            double sum = 0;
            for (std::int64_t n = 0; n < 5; ++n)
                for (std::int64_t p = 0; p < plane; ++p)
                    sum += double{g.data()[(n * 14 + o) * plane + p]} * from.data()[(n * 6 + c) * plane + p];
            CHECK(gradient.data()[o * 6 + c] == Approx(sum).margin(1e-3));
        }
}

TEST_CASE("conv2d takes an empty batch", "[autograd]") {
    const DeviceVariable<float> x(DeviceTensor<float>::empty({0, 3, 5, 5}), true),
        w(normal<float>({2, 3, 3, 3}, 1), true);
    const auto y = lafs::conv2d(x, w);
    CHECK(y.shape() == Shape{0, 2, 3, 3});
    y.backward(DeviceTensor<float>::empty(y.shape()));
    for (const float g : w.grad().to_vector())
        CHECK(g == 0.0f);
}

TEST_CASE("conv2d names both shapes in its errors", "[autograd]") {
    const auto zeros = [](const Shape& shape) {
        return DeviceVariable<float>(DeviceTensor<float>::zeros(shape));
    };
    const auto message = [&](const Shape& x, const Shape& w, ConvOptions options) -> std::string {
        try {
            lafs::conv2d(zeros(x), zeros(w), {}, options);
        } catch (const lafs::Error& error) {
            return error.what();
        }
        return "";
    };
    const auto names_both = [&](const Shape& x, const Shape& w, ConvOptions options) {
        std::ostringstream a, b;
        a << x, b << w;
        const std::string text = message(x, w, options);
        return text.starts_with("[conv2d]") && text.find(a.str()) != text.npos &&
               text.find(b.str()) != text.npos;
    };
    CHECK(names_both({2, 3, 4}, {2, 3, 1, 1}, {}));
    CHECK(names_both({2, 3, 4, 4}, {2, 4, 1, 1}, {}));
    CHECK(names_both({2, 3, 4, 4}, {2, 3, 5, 5}, {}));
    CHECK(names_both({2, 4, 4, 4}, {4, 2, 3, 3}, {1, 1, 3}));  // groups divide no channels
    CHECK(names_both({2, 4, 4, 4}, {4, 4, 3, 3}, {1, 1, 2}));  // a weight of all channels
    CHECK(names_both({2, 4, 4, 4}, {3, 2, 3, 3}, {1, 1, 2}));
    CHECK(names_both({2, 4, 4, 4}, {4, 4, 3, 3}, {1, 0, 1, 2}));  // reaches over 5 pixels
    CHECK(names_both({2, 4, 4, 4}, {4, 4, 3, 3}, {1, 0, 1, 0}));
    CHECK(names_both({2, 4, 4, 4}, {4, 4, 3, 3}, {1, 1, 4}));
    CHECK(names_both({2, 4, 4, 4}, {4, 4, 3, 3}, {0, 1, 1}));
    CHECK(names_both({2, 4, 4, 4}, {4, 4, 3, 3}, {1, -1, 1}));
    CHECK_THROWS_AS(lafs::conv2d(zeros({1, 2, 3, 3}), zeros({4, 2, 1, 1}), zeros({3})), lafs::Error);
}

}  // namespace
