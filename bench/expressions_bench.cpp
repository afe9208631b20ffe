// Fused element-wise expressions against a plain copy of the same data. The limit is the memory's speed:
// bytes of operands and result over the time. Counter GB/s.
#include <benchmark/benchmark.h>

#include <lafs/autograd/expression.hpp>

namespace {

using lafs::Cpu, lafs::GradientTarget, lafs::Tensor, lafs::View;

/// Fills with numbers in the range of activations.
Tensor<float> ramp(std::int64_t size) {
    auto x = Tensor<float>::empty({size});
    for (std::int64_t i = 0; i < size; ++i)
        x.data()[i] = static_cast<float>(i % 1999) / 1000.0f - 1.0f;
    return x;
}

void report_bytes(benchmark::State& state, std::int64_t tensors, std::int64_t size) {
    state.counters["GB/s"] = benchmark::Counter(static_cast<double>(tensors * size * 4) * 1e-9,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

template <class E>
void run_forward(benchmark::State& state, const E& expression, std::int64_t size) {
    auto out = Tensor<float>::empty({size});
    for (auto _ : state) {
        map(Cpu{}, typename E::Node{}, out.view(), expression.bound());
        benchmark::ClobberMemory();
    }
    report_bytes(state, E::inputs + 1, size);
}

template <class E>
void run_backward(benchmark::State& state, const E& expression, std::int64_t size) {
    const auto gradient = ramp(size);
    Tensor<float> gradients[E::inputs];
    GradientTarget<float> targets[E::inputs];
    for (int i = 0; i < E::inputs; ++i) {
        gradients[i] = Tensor<float>::empty({size});
        targets[i] = {gradients[i].data(), false};
    }
    for (auto _ : state) {
        map_gradients(Cpu{}, typename E::Node{}, View<const float>(gradient.view()), expression.bound(),
                      targets);
        benchmark::ClobberMemory();
    }
    report_bytes(state, 2 * E::inputs + 1, size);
}

auto gelu_expression(std::int64_t size) {
    return lafs::fuse([](auto a, auto b, auto c) { return gelu(a * b + c) + a; }, ramp(size), ramp(size),
                      ramp(size));
}
auto sum_expression(std::int64_t size) {
    return lafs::fuse([](auto a, auto b, auto c) { return a + b + c; }, ramp(size), ramp(size), ramp(size));
}

void copy(benchmark::State& state) {
    const auto size = state.range(0);
    const auto from = ramp(size);
    run_forward(state, lafs::Expression<lafs::In<0>, Tensor<float>>{{from}, {}}, size);
}
void sum_of_three(benchmark::State& state) {
    run_forward(state, sum_expression(state.range(0)), state.range(0));
}
void gelu_forward(benchmark::State& state) {
    run_forward(state, gelu_expression(state.range(0)), state.range(0));
}
void sum_of_three_backward(benchmark::State& state) {
    run_backward(state, sum_expression(state.range(0)), state.range(0));
}
void gelu_backward(benchmark::State& state) {
    run_backward(state, gelu_expression(state.range(0)), state.range(0));
}

constexpr std::int64_t large = 1 << 25, cached = 1 << 16;

BENCHMARK(copy)->Arg(cached)->Arg(large)->UseRealTime();
BENCHMARK(sum_of_three)->Arg(cached)->Arg(large)->UseRealTime();
BENCHMARK(gelu_forward)->Arg(cached)->Arg(large)->UseRealTime();
BENCHMARK(sum_of_three_backward)->Arg(cached)->Arg(large)->UseRealTime();
BENCHMARK(gelu_backward)->Arg(cached)->Arg(large)->UseRealTime();

}  // namespace
