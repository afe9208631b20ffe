// Dropout: the documented mask, shares, fused forms, gradients by differences; on every device.
#include <lafs/autograd/stochastic_depth.hpp>
#include <lafs/nn/dropout.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {
// The documented layout, element by element.
bool dropped(std::uint64_t seed, std::uint64_t stream, std::uint64_t i, std::uint32_t threshold) {
    const std::uint64_t r = i % 128;
    const PhiloxBlock block = philox(seed, stream, 16 * (i / 128) + r % 16);
    const std::uint32_t word = block.word[r / 32];
    return ((r / 16 % 2 ? word >> 16 : word) & 0xFFFFu) < threshold;
}
}  // namespace

TEST_CASE("dropout draws the documented mask and scales by the inverse of its exact probability",
          "[autograd]") {
    const std::int64_t n = GENERATE(1, 7, 197, 1000, 40000);
    manual_seed(0x123456789ABCDEFull);
    default_generator().next = 0x100000005ull;
    const DeviceVariable<float> x(uniform<float>({n}, 3, 0.5, 1.0));
    const auto y = host(dropout(x, 0.25)), from = host(x);
    const float scale = 65536.0f / 49152.0f;
    for (std::int64_t i = 0; i < n; ++i) {
        const bool zero = dropped(0x123456789ABCDEFull, 0x100000005ull, static_cast<std::uint64_t>(i), 16384);
        REQUIRE(y.data()[i] == (zero ? 0.0f : from.data()[i] * scale));
    }
    CHECK(default_generator().next == 0x100000006ull);
}

TEST_CASE("the mask of one element, the mask of sixteen side by side and the documented one agree",
          "[autograd]") {
    constexpr std::uint32_t thresholds[] = {1, 6554, 32768, 65535};
    for (const std::uint32_t threshold : thresholds) {
        const DropoutMask mask{0x9E3779B97F4A7C15ull, 0x1234500000007ull, threshold};
        for (const std::int64_t chunk :
             {std::int64_t{0}, std::int64_t{1}, std::int64_t{77}, std::int64_t{1} << 29}) {
            float factors[dropout_chunk];
            cpu::dropout_factors(mask, chunk, 2.0f, factors);
            for (std::int64_t r = 0; r < dropout_chunk; ++r) {
                const auto i = static_cast<std::uint64_t>(chunk * dropout_chunk + r);
                REQUIRE(mask.keeps(i) == !dropped(mask.seed, mask.stream, i, threshold));
                REQUIRE(factors[r] == (mask.keeps(i) ? 2.0f : 0.0f));
            }
        }
    }
}

TEST_CASE("dropout drops the right share, each call another part", "[autograd]") {
    manual_seed(5);
    const Var x(DeviceTensor<double>::full({200, 1000}, 1.0));
    const auto a = host(dropout(x, 0.1)), b = host(dropout(x, 0.1));
    double kept = 0, both = 0;
    for (std::int64_t i = 0; i < a.size(); ++i) {
        kept += a.data()[i] != 0;
        both += a.data()[i] != 0 && b.data()[i] != 0;
    }
    CHECK(kept / 200000.0 == Approx(0.9).margin(0.003));
    CHECK(both / 200000.0 == Approx(0.81).margin(0.004));
}

TEST_CASE("dropout is the identity in evaluation and at probability 0, without taking a stream",
          "[autograd]") {
    manual_seed(1);
    const Var x(normal({3, 5}, 1));
    CHECK(dropout(x, 0.5, false).value().data() == x.value().data());
    CHECK(dropout(x, 0.0, true).value().data() == x.value().data());
    CHECK(stochastic_depth(x, 0.5, false).value().data() == x.value().data());
    CHECK(default_generator().next == 0);
}

TEST_CASE("probabilities outside [0, 1) are refused", "[autograd]") {
    const Var x(normal({3, 5}, 1));
    for (const double p : {-0.1, 1.0, 2.0, std::nan("")}) {
        CHECK_THROWS_AS(dropout(x, p), Error);
        CHECK_THROWS_AS(dropout(x, p, false), Error);
        CHECK_THROWS_AS(stochastic_depth(x, p), Error);
        CHECK_THROWS_AS((Dropout<double, Device>(p)), Error);
    }
    CHECK_THROWS_AS(add_branch(x, Var(normal({5, 3}, 1)), 0.1, 0.1), Error);
    CHECK_THROWS_AS(stochastic_depth(Var(normal({}, 1)), 0.5), Error);
}

TEST_CASE("stochastic depth drops whole samples and keeps the mean", "[autograd]") {
    manual_seed(2);
    const Var x(DeviceTensor<double>::full({4000, 7}, 1.0));
    const auto y = host(stochastic_depth(x, 0.2));
    double sum = 0;
    for (std::int64_t b = 0; b < 4000; ++b) {
        const double first = y.data()[b * 7];
        REQUIRE((first == 0.0 || first == Approx(1.25)));
        for (int k = 1; k < 7; ++k)
            REQUIRE(y.data()[b * 7 + k] == first);
        sum += first;
    }
    CHECK(sum / 4000 == Approx(1.0).margin(0.03));
}

TEST_CASE("a fused branch equals its parts, in one pass", "[autograd]") {
    const Var x(normal({5, 37, 3}, 1)), branch(normal({5, 37, 3}, 2));
    manual_seed(9);
    const Var parts = x + stochastic_depth(dropout(branch, 0.3), 0.4);
    manual_seed(9);
    const std::uint64_t before = kernel_launches();
    const auto fused = add_branch(x, branch, 0.3, 0.4);
    CHECK(kernel_launches() - before == (on_cpu ? 1 : 2));  // a GPU draws the factors in a kernel
    check_close(fused.value().to_vector(), parts.value().to_vector(), 1e-14);

    manual_seed(9);
    const Var activated = gelu(x);
    const auto expected = dropout(activated, 0.3).value();
    manual_seed(9);
    check_close(dropout_of<Gelu>(x, 0.3).value().to_vector(), expected.to_vector(), 1e-14);
}

TEST_CASE("gradients of dropout, stochastic depth and the fused forms", "[autograd]") {
    const std::int64_t n = GENERATE(1, 7, 197, 1000);
    const Var x(normal({3, n}, 4), true), r(normal({3, n}, 5), true);
    manual_seed(11);
    check_derivative([](const Inputs& in) { return dropout(in[0], 0.4); }, {x});
    check_derivative([](const Inputs& in) { return dropout_of<Gelu>(in[0], 0.4); }, {x});
    check_derivative([](const Inputs& in) { return dropout_of<Tanh>(in[0], 0.4, false); }, {x});
    check_derivative([](const Inputs& in) { return stochastic_depth(in[0], 0.4); }, {x});
    check_derivative([](const Inputs& in) { return add_branch(in[0], in[1], 0.3, 0.2); }, {r, x});
    check_derivative([](const Inputs& in) { return add_branch(in[0], in[0], 0.3, 0.2); }, {x});
}
