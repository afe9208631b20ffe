// Attention against its definition with the whole matrix of probabilities, gradients by differences; on every
// device.
#include <lafs/autograd/class_attention.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {
struct Plain {
    std::vector<double> y, p;  // (B, N, heads, d) and (B, heads, N, N)
};

// The definition, in double, with the whole matrix of probabilities.
template <class T>
Plain brute_force(const Tensor<T>& qkv, std::int64_t heads, double scale) {
    const std::int64_t B = qkv.shape(0), N = qkv.shape(1), d = qkv.shape(2) / (3 * heads);
    Plain out{std::vector<double>(static_cast<std::size_t>(B * N * heads * d)),
              std::vector<double>(static_cast<std::size_t>(B * heads * N * N))};
    const auto at = [&](std::int64_t b, std::int64_t n, std::int64_t part, std::int64_t h, std::int64_t i) {
        return static_cast<double>(qkv.data()[((b * N + n) * 3 + part) * heads * d + h * d + i]);
    };
    for (std::int64_t b = 0; b < B; ++b)
        for (std::int64_t h = 0; h < heads; ++h)
            for (std::int64_t q = 0; q < N; ++q) {
                double* p = out.p.data() + ((b * heads + h) * N + q) * N;
                double largest = -1e300, total = 0;
                for (std::int64_t k = 0; k < N; ++k) {
                    p[k] = 0;
                    for (std::int64_t i = 0; i < d; ++i)
                        p[k] += scale * at(b, q, 0, h, i) * at(b, k, 1, h, i);
                    largest = std::max(largest, p[k]);
                }
                for (std::int64_t k = 0; k < N; ++k)
                    total += p[k] = std::exp(p[k] - largest);
                for (std::int64_t k = 0; k < N; ++k) {
                    p[k] /= total;
                    for (std::int64_t i = 0; i < d; ++i)
                        out.y[static_cast<std::size_t>(((b * N + q) * heads + h) * d + i)] +=
                            p[k] * at(b, k, 2, h, i);
                }
            }
    return out;
}

template <class T>
double worst(const Tensor<T>& a, const double* b) {
    double error = 0;
    for (std::int64_t i = 0; i < a.size(); ++i)
        error = std::max(error, std::abs(static_cast<double>(a.data()[i]) - b[i]));
    return error;
}

struct Case {
    std::int64_t batch, tokens, heads, width;
};
}  // namespace

TEST_CASE("attention equals its definition", "[autograd]") {
    const Case c = GENERATE(Case{2, 1, 1, 1}, Case{2, 7, 3, 7}, Case{1, 37, 2, 64},
                            Case{sized(2, 1), 197, sized(3, 1), 64}, Case{1, 197, sized(2, 1), 17},
                            Case{1, sized(1000, 70), 1, 33}, Case{3, 32, 1, 16}, Case{1, 33, 1, 48});
    const Shape shape{c.batch, c.tokens, 3 * c.heads * c.width};
    const auto in_double = normal<double>(shape, 1, 2.0);
    const auto in_float = normal<float>(shape, 1, 2.0);
    const double scale = 0.3;
    const Plain expected = brute_force(host(in_double), c.heads, scale);
    CHECK(worst(host(attention(Var(in_double), c.heads, scale)), expected.y.data()) < 1e-13);
    CHECK(worst(host(attention(DeviceVariable<float>(in_float), c.heads, 0.3f)), expected.y.data()) < 3e-5);

    const auto looks = host(class_probabilities(in_double, c.heads, scale));
    REQUIRE(looks.shape() == Shape{c.batch, c.heads, c.tokens});
    for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
        for (std::int64_t k = 0; k < c.tokens; ++k)
            REQUIRE(
                looks.data()[head * c.tokens + k] ==
                Approx(expected.p[static_cast<std::size_t>(head * c.tokens * c.tokens + k)]).margin(1e-14));
}

TEST_CASE("attention of the class token equals the first row of its definition", "[autograd]") {
    const Case c = GENERATE(Case{2, 1, 1, 1}, Case{2, 7, 3, 7}, Case{2, sized(197, 70), 3, 64},
                            Case{1, sized(1000, 197), 2, 33});
    const std::int64_t row = c.heads * c.width;
    const auto qkv = normal_tensor<double>({c.batch, c.tokens, 3 * row}, 1, 2.0);
    auto q = Tensor<double>::empty({c.batch, row}), kv = Tensor<double>::empty({c.batch, c.tokens, 2 * row});
    std::vector<double> expected;
    const Plain plain = brute_force(qkv, c.heads, 0.3);
    for (std::int64_t b = 0; b < c.batch; ++b)
        for (std::int64_t n = 0; n < c.tokens; ++n) {
            const double* from = qkv.data() + (b * c.tokens + n) * 3 * row;
            std::copy_n(from + row, 2 * row, kv.data() + (b * c.tokens + n) * 2 * row);
            if (n == 0) {
                std::copy_n(from, row, q.data() + b * row);
                const auto y = plain.y.begin() + b * c.tokens * row;
                expected.insert(expected.end(), y, y + row);
            }
        }
    const Var query(on_device(q), true), keys_values(on_device(kv), true);
    CHECK(worst(host(class_attention(query, keys_values, c.heads, 0.3)), expected.data()) < 1e-13);
    check_derivative([&](const Inputs& in) { return class_attention(in[0], in[1], c.heads, 0.3); },
                     {query, keys_values});
    CHECK_THROWS_AS(class_attention(keys_values, query, c.heads, 0.3), Error);
    CHECK_THROWS_AS(class_attention(query, keys_values, 0, 0.3), Error);
}

TEST_CASE("gradients of attention", "[autograd]") {
    const Case c = GENERATE(Case{2, 1, 1, 1}, Case{2, 7, 3, 7}, Case{1, 37, 2, 20},
                            Case{1, sized(197, 67), 1, 64}, Case{1, 70, 2, 5});
    const Var qkv(normal({c.batch, c.tokens, 3 * c.heads * c.width}, 2), true);
    check_derivative([&](const Inputs& in) { return attention(in[0], c.heads, 0.2); }, {qkv});
}

TEST_CASE("attention of large scores neither overflows nor gives NaN", "[autograd]") {
    const DeviceVariable<float> qkv(normal<float>({1, 50, 3 * 64}, 3, 100.0), true);
    const auto y = attention(qkv, 1, 1.0f);
    y.backward(DeviceTensor<float>::full(y.shape(), 1));
    for (const float v : y.value().to_vector())
        REQUIRE(std::isfinite(v));
    for (const float g : qkv.grad().to_vector())
        REQUIRE(std::isfinite(g));
}

TEST_CASE("attention stores no matrix of all pairs", "[autograd]") {
    const std::int64_t tokens = sized(2000, 600);
    const DeviceVariable<float> qkv(normal<float>({1, tokens, 3 * 16}, 3), true);
    const auto y = attention(qkv, 1, 1.0f);
    pool<Device>().reset_peak();
    const auto before = pool<Device>().statistics().live_bytes;
    y.backward(DeviceTensor<float>::full(y.shape(), 1));
    CHECK(pool<Device>().statistics().peak_bytes - before <
          static_cast<std::uint64_t>(tokens * tokens) * sizeof(float) / 4);
}

TEST_CASE("wrong attention shapes are named", "[autograd]") {
    const DeviceVariable<float> qkv(normal<float>({2, 5, 36}, 1));
    CHECK_THROWS_AS(attention(qkv, 5, 1.0f), Error);
    CHECK_THROWS_AS(attention(qkv, 0, 1.0f), Error);
    CHECK_THROWS_AS(attention(DeviceVariable<float>(normal<float>({5, 36}, 1)), 3, 1.0f), Error);
    CHECK_THROWS_AS(class_probabilities(normal<float>({1, 0, 36}, 1), 3, 1.0f), Error);
    CHECK(attention(DeviceVariable<float>(normal<float>({0, 5, 36}, 1)), 3, 1.0f).shape() == Shape{0, 5, 12});
}
