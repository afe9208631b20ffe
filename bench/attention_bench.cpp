// Attention and landmark patches at the models' sizes. Limits: attention does 4 N^2 d floating-point
// operations a head forward and 10 N^2 d backward (scores again), at the rate of matrix products; patches
// move their bytes.
#include <benchmark/benchmark.h>

#include <lafs/autograd/attention.hpp>
#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/testing/random_inputs.hpp>

namespace {

using lafs::Tensor, lafs::Variable;

constexpr std::int64_t head_width = 64;

void report_rate(benchmark::State& state, const char* name, double amount) {
    state.counters[name] = benchmark::Counter(amount * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

/// batch, tokens, heads.
void attention_forward(benchmark::State& state) {
    const std::int64_t batch = state.range(0), tokens = state.range(1), heads = state.range(2);
    const Variable<float> qkv(lafs::normal_tensor<float>({batch, tokens, 3 * heads * head_width}, 1));
    for (auto _ : state)
        benchmark::DoNotOptimize(lafs::attention(qkv, heads, 0.07f).value().data());
    report_rate(state, "GFLOP/s", 4.0 * static_cast<double>(batch * heads * tokens * tokens * head_width));
}

void attention_training(benchmark::State& state) {
    const std::int64_t batch = state.range(0), tokens = state.range(1), heads = state.range(2);
    const Variable<float> qkv(lafs::normal_tensor<float>({batch, tokens, 3 * heads * head_width}, 1), true);
    const auto gradient = lafs::normal_tensor<float>({batch, tokens, heads * head_width}, 2);
    for (auto _ : state) {
        qkv.zero_grad();
        lafs::attention(qkv, heads, 0.07f).backward(gradient);
    }
    report_rate(state, "GFLOP/s", 14.0 * static_cast<double>(batch * heads * tokens * tokens * head_width));
}

/// batch, landmarks.
void patches(benchmark::State& state, bool training) {
    const std::int64_t batch = state.range(0), landmarks = state.range(1);
    const Variable<float> images(lafs::uniform_tensor<float>({batch, 3, 112, 112}, 1));
    const Variable<float> points(lafs::uniform_tensor<float>({batch, landmarks, 2}, 2, 0, 111), training);
    const auto gradient = lafs::normal_tensor<float>({batch, landmarks, 192}, 3);
    for (auto _ : state) {
        const Variable<float> tokens = lafs::landmark_patches(images, points, 8);
        if (training) {
            points.zero_grad();
            tokens.backward(gradient);
        }
        benchmark::DoNotOptimize(tokens.value().data());
    }
    report_rate(state, "Gsamples/s", static_cast<double>(batch * landmarks * 192));
}
void patches_forward(benchmark::State& state) {
    patches(state, false);
}
void patches_training(benchmark::State& state) {
    patches(state, true);
}

BENCHMARK(attention_forward)->Args({32, 197, 3})->Args({4, 197, 11})->Args({256, 37, 3})->UseRealTime();
BENCHMARK(attention_training)->Args({32, 197, 3})->Args({4, 197, 11})->Args({256, 37, 3})->UseRealTime();
BENCHMARK(patches_forward)->Args({32, 196})->Args({256, 36})->UseRealTime();
BENCHMARK(patches_training)->Args({32, 196})->UseRealTime();

}  // namespace
