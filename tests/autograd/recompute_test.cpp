#include <lafs/autograd/dropout.hpp>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/recompute.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

using namespace lafs;
using Var = Variable<float>;

namespace {
bool same_bits(const Tensor<float>& a, const Tensor<float>& b) {
    return a.shape() == b.shape() &&
           std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

struct Run {
    Tensor<float> y, dx, dw, db;
    std::uint64_t next_stream;
};

Run run(bool recomputed, bool input_gradient) {
    manual_seed(3);
    const Var x(normal_tensor<float>({5, 37}, 1), input_gradient);
    const Var w(normal_tensor<float>({37, 37}, 2, 0.2), true), b(normal_tensor<float>({37}, 3), true);
    const auto block = [w, b](const Var& in) -> Var { return in + dropout(linear(in, w, b), 0.3); };
    Var y = x;
    for (int i = 0; i < 3; ++i)
        y = recomputed ? recompute(block, y) : block(y);
    y.backward(normal_tensor<float>(y.shape(), 4));
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
    const Var x(normal_tensor<float>({100, 1000}, 1), true);
    const auto chain = [](const Var& in) -> Var {
        Var y = in;
        for (int i = 0; i < 10; ++i)
            y = (tanh(y) + y).eval();
        return y;
    };
    const auto kept = [&](bool recomputed) {
        const auto before = pool<Cpu>().statistics().live_bytes;
        const Var y = recomputed ? recompute(chain, x) : chain(x);
        return pool<Cpu>().statistics().live_bytes - before;
    };
    CHECK(kept(false) > 9 * 400000);
    CHECK(kept(true) < 2 * 400000);
}

TEST_CASE("gradients of a recomputed block", "[autograd]") {
    const Variable<double> x(normal_tensor({3, 7}, 1), true), w(normal_tensor({7, 7}, 2), true);
    const auto result = check_gradients(
        [](const std::vector<Variable<double>>& in) {
            const Variable<double> weight = in[1];
            return recompute(
                [weight](const Variable<double>& v) -> Variable<double> {
                    return dropout_of<Tanh>(linear(v, weight), 0.3);
                },
                in[0]);
        },
        {x, w});
    INFO(result);
    CHECK(result.ok());
}

TEST_CASE("without recording, a recomputed block is the function alone", "[autograd]") {
    const NoGrad nothing_recorded;
    const Var x(normal_tensor<float>({3}, 1), true);
    const Var y = recompute([](const Var& in) -> Var { return tanh(in); }, x);
    CHECK(!y.requires_grad());
    CHECK(y.value().data()[1] == Approx(std::tanh(x.value().data()[1])));
}
