// One tape for values of any element type and device: cast and copies between devices carry gradients, one
// backward runs through all of it, and the steady state allocates nothing.
#include <lafs/autograd/convert.hpp>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"
#include "test_device.hpp"

namespace {

using lafs::bfloat16, lafs::cast, lafs::Cpu, lafs::Shape, lafs::Tensor, lafs::to, lafs::Variable;
using lafs_test::Device;

template <class T, class D>
std::vector<double> values(const Tensor<T, D>& x) {
    std::vector<double> result;
    for (const T value : x.to_vector())
        result.push_back(static_cast<double>(value));
    return result;
}

}  // namespace

TEST_CASE("cast rounds to nearest, and its gradient comes back in the type of the operand", "[autograd]") {
    // 1 + 2^-9 lies between the bfloat16 1 and 1 + 2^-7, nearer to 1; 1 + 3 * 2^-8 is halfway to 1 + 2^-6: to
    // even.
    const Variable<float, Device> x(
        Tensor<float, Device>::from({4}, {1.0f + 1.0f / 512, 1.0f + 3.0f / 256, -3.5f, 1e-40f}), true);
    const Variable<bfloat16, Device> y = cast<bfloat16>(x);
    CHECK(values(y.value()) == std::vector<double>{1, 1.015625, -3.5, static_cast<float>(bfloat16(1e-40f))});
    const auto g = Tensor<bfloat16, Device>::from(
        {4}, {bfloat16(2.0f), bfloat16(-1.0f), bfloat16(0.5f), bfloat16(4.0f)});
    y.backward(g);
    CHECK(values(x.grad()) == std::vector<double>{2, -1, 0.5, 4});
    cast<bfloat16>(x).backward(g);  // gradients add
    CHECK(values(x.grad()) == std::vector<double>{4, -2, 1, 8});
    CHECK(cast<float>(x).data() == x.data());  // nothing to do
}

TEST_CASE("cast of whole numbers keeps what floats cannot hold", "[autograd]") {
    const std::int64_t large = (std::int64_t{1} << 53) + 1;
    const auto x = Tensor<std::int64_t, Device>::from({2}, {large, -7});
    CHECK(cast<int>(x).to_vector()[1] == -7);
    CHECK(cast<std::int64_t>(cast<double>(x)).to_vector()[0] == large - 1);
    CHECK(cast<float>(x).to_vector()[1] == -7.0f);
}

TEST_CASE("gradients added by a cast are added in the wider type", "[autograd]") {
    // 256 + 1 is no bfloat16 (they are 2 apart there): rounding each addition would lose every one.
    const Variable<bfloat16, Device> x(Tensor<bfloat16, Device>::full({1}, bfloat16(3.0f)), true);
    const auto one = Tensor<float, Device>::full({1}, 1.0f);
    x.set_grad(Tensor<bfloat16, Device>::full({1}, bfloat16(255.0f)));
    cast<float>(x).backward(one);
    CHECK(static_cast<float>(x.grad().item()) == 256.0f);
}

TEST_CASE("one backward runs through float, double and bfloat16", "[autograd]") {
    // x (float) -> double -> softmax -> float -> times w (float) -> bfloat16 -> double, summed by an output
    // gradient.
    const auto x0 = lafs::normal_tensor<float>({3, 7}, 1), w0 = lafs::normal_tensor<float>({7, 2}, 2);
    const Variable<float, Device> x(x0.to<Device>(), true), w(w0.to<Device>(), true);
    const Variable<double, Device> p = softmax(cast<double>(x));
    const Variable<float, Device> q = matmul(cast<float>(p), w);
    const Variable<double, Device> y = cast<double>(cast<bfloat16>(q)) * 2.0;
    // Output gradients that bfloat16 holds exactly: nothing but float rounding remains on the way back.
    std::vector<double> g = {1, -2, 0.5, 1.5, -0.25, 3};
    y.backward(Tensor<double, Device>::from({3, 2}, g));

    std::vector<double> dw(14, 0.0), dx;
    for (std::size_t row = 0; row < 3; ++row) {
        double total = 0, soft[7], dp[7], inner = 0;
        for (std::size_t k = 0; k < 7; ++k)
            total += std::exp(static_cast<double>(x0.data()[row * 7 + k]));
        for (std::size_t k = 0; k < 7; ++k) {
            soft[k] = std::exp(static_cast<double>(x0.data()[row * 7 + k])) / total;
            dp[k] = 0;
            for (std::size_t j = 0; j < 2; ++j) {
                dp[k] += 2 * g[row * 2 + j] * static_cast<double>(w0.data()[k * 2 + j]);
                dw[k * 2 + j] += soft[k] * 2 * g[row * 2 + j];
            }
            inner += dp[k] * soft[k];
        }
        for (std::size_t k = 0; k < 7; ++k)
            dx.push_back(soft[k] * (dp[k] - inner));
    }
    const auto got_x = values(x.grad()), got_w = values(w.grad());
    for (std::size_t i = 0; i < dx.size(); ++i)
        CHECK(got_x[i] == Approx(dx[i]).margin(2e-6));
    for (std::size_t i = 0; i < dw.size(); ++i)
        CHECK(got_w[i] == Approx(dw[i]).margin(2e-6));
}

TEST_CASE("a graph may lie on two devices", "[autograd]") {
    const Variable<double> x(lafs::normal_tensor({5}, 1), true),
        host_factor(lafs::normal_tensor({5}, 2), true);
    const Variable<double, Device> there = to<Device>(x), squared = there * there;
    const Variable<double> back = to<Cpu>(squared), y = back * host_factor + x;
    y.backward(Tensor<double>::full({5}, 1.0));
    for (std::size_t i = 0; i < 5; ++i) {
        const double value = x.data()[i], factor = host_factor.data()[i];
        CHECK(x.grad().data()[i] == Approx(2 * value * factor + 1).epsilon(1e-14));
        CHECK(host_factor.grad().data()[i] == Approx(value * value).epsilon(1e-14));
    }
}

TEST_CASE("functions of different types run backwards in the order of the tape", "[autograd]") {
    // The double branch is recorded between the float ones: each must have all its gradient before it runs.
    const Variable<float, Device> x(Tensor<float, Device>::full({1}, 3.0f), true);
    const Variable<float, Device> a = x * x;                               // x^2
    const Variable<double, Device> b = cast<double>(a) * cast<double>(x);  // x^3
    const Variable<float, Device> c = a + cast<float>(b) * a;              // x^2 + x^5
    const Variable<double, Device> d = cast<double>(c) + b;                // x^2 + x^5 + x^3
    d.backward();
    CHECK(x.grad().item() == 2 * 3 + 5 * 81 + 3 * 9);
}

TEST_CASE("steps over mixed types allocate nothing in the steady state", "[autograd]") {
    const Variable<float, Device> w(lafs::normal_tensor<float, Device>({16, 16}, 1), true),
        x(lafs::normal_tensor<float, Device>({8, 16}, 2));
    const auto step = [&] {
        Variable<float, Device> h = x;
        for (int layer = 0; layer < 3; ++layer)
            h = cast<float>(cast<bfloat16>(matmul(h, w))) + h;
        sum(cast<double>(h)).backward();
        w.zero_grad();
    };
    step();
    step();
    const auto host = lafs::pool<Cpu>().statistics(), device = lafs::pool<Device>().statistics();
    step();
    CHECK(lafs::pool<Cpu>().statistics().system_allocations == host.system_allocations);
    CHECK(lafs::pool<Cpu>().statistics().live_bytes == host.live_bytes);
    CHECK(lafs::pool<Device>().statistics().system_allocations == device.system_allocations);
    CHECK(lafs::pool<Device>().statistics().live_bytes == device.live_bytes);
}

TEST_CASE("cast and to have the gradients of the identity", "[autograd]") {
    using Inputs = std::vector<Variable<double, Device>>;
    const Variable<double, Device> x(lafs::normal_tensor<double, Device>({3, 7}, 1), true);
    const auto result = check_gradients(
        [](const Inputs& in) -> Variable<double, Device> {
            return to<Device>(to<Cpu>(in[0])) * cast<double>(in[0]);
        },
        Inputs{x});
    INFO(result);
    CHECK(result.ok());
}
