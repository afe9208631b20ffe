// Variables: accumulation, reuse, no-grad, detach, memory, errors; on every device.
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/row_functions.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

Var scalar(double value, bool requires_grad = true) {
    return {DeviceTensor<double>::full({}, value), requires_grad};
}

}  // namespace

TEST_CASE("gradients accumulate over calls and are cleared by zero_grad", "[autograd]") {
    const Var x = scalar(3);
    square(x).eval().backward();
    CHECK(x.grad().item() == 6);
    square(x).eval().backward();
    CHECK(x.grad().item() == 12);
    x.zero_grad();
    CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a variable used many times gets the sum of its paths", "[autograd]") {
    const Var x = scalar(2);
    const Var y = x * x;          // x^2
    const Var z = y * y + y * x;  // x^4 + x^3
    const Var w = z + y + x;
    w.backward();
    CHECK(x.grad().item() == 4 * 8 + 3 * 4 + 2 * 2 + 1);
    check_derivative(
        [](const Inputs& in) {
            const Var a = softmax(matmul(in[0], in[0]));
            const Var b = a * in[0] + a;
            return matmul(b, a, Transpose::yes);
        },
        {Var(normal({7, 7}, 1), true)});
}

TEST_CASE("a deep chain neither recurses nor forgets", "[autograd]") {
    const Var x = scalar(1);
    Var y = x;
    for (std::int64_t i = 0; i < sized(20'000, 2000); ++i)
        y = y + 1;
    y.backward();
    CHECK(x.grad().item() == 1);
    Var unused = x;
    for (std::int64_t i = 0; i < sized(500'000, 2000); ++i)
        unused = unused + 1;  // dropped without backward
}

TEST_CASE("NoGrad records nothing", "[autograd]") {
    const Var x = scalar(2);
    {
        const NoGrad nothing_recorded;
        const Var y = x * x;
        CHECK_FALSE(y.requires_grad());
        CHECK(y.is_leaf());
        CHECK_THROWS_AS(y.backward(), Error);
    }
    const Var y = x * x;
    CHECK(y.requires_grad());
}

TEST_CASE("detach cuts the history and shares the value", "[autograd]") {
    const Var x = scalar(3), y = x * x, cut = y.detach();
    CHECK(cut.value().data() == y.value().data());
    CHECK_FALSE(cut.requires_grad());
    const Var z = cut * x;
    z.backward();
    CHECK(x.grad().item() == 9);
}

TEST_CASE("inputs that want no gradient get none", "[autograd]") {
    const Var x = scalar(3), constant = scalar(4, false);
    const Var y = x * constant;
    y.backward();
    CHECK(x.grad().item() == 4);
    CHECK_FALSE(constant.grad().defined());
    x.set_requires_grad(false);
    const Var frozen = x * constant;
    CHECK_FALSE(frozen.requires_grad());
}

TEST_CASE("values between leaves do not keep their gradients", "[autograd]") {
    const Var x = scalar(3), y = x * x, z = y * y;
    z.backward();
    CHECK_FALSE(y.grad().defined());
    CHECK(x.grad().item() == 4 * 27);
}

TEST_CASE("backward errors", "[autograd]") {
    const Var x(normal({3}, 1), true), y = x * 2;
    CHECK_THROWS_AS(y.backward(), Error);                                  // not a scalar
    CHECK_THROWS_AS(y.backward(DeviceTensor<double>::zeros({4})), Error);  // another shape
    CHECK_THROWS_AS(scalar(1, false).backward(), Error);
    CHECK_THROWS_AS(accumulate(x, DeviceTensor<double>::zeros({4})), Error);
    CHECK_THROWS_AS((Var() * x).eval(), Error);
}

TEST_CASE("backward of a leaf is its gradient", "[autograd]") {
    const Var x = scalar(3);
    x.backward();
    x.backward();
    CHECK(x.grad().item() == 2);
}

TEST_CASE("the memory of a graph is free after backward, and steady steps allocate nothing", "[autograd]") {
    const DeviceVariable<float> w(normal<float>({64, 64}, 1), true), x(normal<float>({32, 64}, 2));
    const auto step = [&] {
        DeviceVariable<float> h = x;
        for (int layer = 0; layer < 4; ++layer)
            h = gelu(linear(h, w)) + h;
        sum(DeviceVariable<float>(softmax(h) * h)).backward();
        w.zero_grad();
    };
    step();
    step();
    const auto before = pool<Device>().statistics();
    step();
    const auto after = pool<Device>().statistics();
    CHECK(after.system_allocations == before.system_allocations);
    CHECK(after.live_bytes == before.live_bytes);
    CHECK(after.requests > before.requests);
}
