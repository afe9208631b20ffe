// Blocks computed again in backward: the bits, the random numbers and the memory of the plain ones; on every
// device.
#include <lafs/autograd/dropout.hpp>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/recompute.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;
using Single = DeviceVariable<float>;

namespace {
bool same_bits(const DeviceTensor<float>& a, const DeviceTensor<float>& b) {
    return a.shape() == b.shape() && a.to_vector() == b.to_vector();
}

struct Run {
    DeviceTensor<float> y, dx, dw, db;
    std::uint64_t next_stream;
};

Run run(bool recomputed, bool input_gradient) {
    manual_seed(3);
    const Single x(normal<float>({5, 37}, 1), input_gradient);
    const Single w(normal<float>({37, 37}, 2, 0.2), true), b(normal<float>({37}, 3), true);
    const auto block = [w, b](const Single& in) -> Single { return in + dropout(linear(in, w, b), 0.3); };
    Single y = x;
    for (int i = 0; i < 3; ++i)
        y = recomputed ? recompute(block, y) : block(y);
    y.backward(normal<float>(y.shape(), 4));
    return {y.value(), x.grad(), w.grad(), b.grad(), default_generator().next};
}
}  // namespace

TEST_CASE("a recomputed block gives the same bits and takes the same random numbers", "[autograd]") {
    const bool input_gradient = GENERATE(true, false);
    const Run plain = run(false, input_gradient), recomputed = run(true, input_gradient);
    CHECK(same_bits(plain.y, recomputed.y));
    CHECK(same_bits(plain.dw, recomputed.dw));
    CHECK(same_bits(plain.db, recomputed.db));
    CHECK(plain.next_stream == recomputed.next_stream);
    CHECK(recomputed.dx.defined() == input_gradient);
    if (input_gradient)
        CHECK(same_bits(plain.dx, recomputed.dx));
}

TEST_CASE("recomputation keeps the block's input only", "[autograd]") {
    const Single x(normal<float>({100, 1000}, 1), true);
    const auto chain = [](const Single& in) -> Single {
        Single y = in;
        for (int i = 0; i < 10; ++i)
            y = (tanh(y) + y).eval();
        return y;
    };
    const auto kept = [&](bool recomputed) {
        const auto before = pool<Device>().statistics().live_bytes;
        const Single y = recomputed ? recompute(chain, x) : chain(x);
        return pool<Device>().statistics().live_bytes - before;
    };
    CHECK(kept(false) > 9 * 400000);
    CHECK(kept(true) < 2 * 400000);
}

TEST_CASE("gradients of a recomputed block", "[autograd]") {
    check_derivative(
        [](const Inputs& in) {
            const Var weight = in[1];
            return recompute(
                [weight](const Var& v) -> Var { return dropout_of<Tanh>(linear(v, weight), 0.3); }, in[0]);
        },
        {Var(normal({3, 7}, 1), true), Var(normal({7, 7}, 2), true)});
}

TEST_CASE("without recording, a recomputed block is the function alone", "[autograd]") {
    const NoGrad nothing_recorded;
    const Single x(normal<float>({3}, 1), true);
    const Single y = recompute([](const Single& in) -> Single { return tanh(in); }, x);
    CHECK(!y.requires_grad());
    CHECK(host(y).data()[1] == Approx(std::tanh(host(x).data()[1])));
}
