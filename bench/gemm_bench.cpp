// Matrix products of the models' shapes. The limit is the rate of the fused multiply-add units; the largest
// square product here is close to it. Counter GFLOP/s.
#include <benchmark/benchmark.h>

#include <lafs/backend/cpu/gemm.hpp>

namespace {

using lafs::Matrix, lafs::Tensor;

/// C (m, n) = A (m, k) B; B is stored as (n, k), as the weights of a linear layer, when `transposed`.
void product(benchmark::State& state, bool transposed) {
    const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
    const auto a = Tensor<float>::full({m, k}, 0.5f), b = Tensor<float>::full({k, n}, 0.25f);
    auto c = Tensor<float>::empty({m, n});
    const auto right = transposed ? Matrix<float>::row_major(b.data(), n, k, k).transposed()
                                  : Matrix<float>::row_major(b.data(), k, n, n);
    for (auto _ : state) {
        gemm(lafs::Cpu{}, 1.0f, Matrix<float>::row_major(a.data(), m, k, k), right, false, c.data(), n);
        benchmark::ClobberMemory();
    }
    state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(m * n * k),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}

void linear_layer(benchmark::State& state) {
    product(state, true);
}
void input_gradient(benchmark::State& state) {
    product(state, false);
}

/// A' B of the weight gradient: (out, rows) x (rows, in).
void weight_gradient(benchmark::State& state) {
    const std::int64_t rows = state.range(0), out = state.range(1), in = state.range(2);
    const auto g = Tensor<float>::full({rows, out}, 0.5f), x = Tensor<float>::full({rows, in}, 0.25f);
    auto c = Tensor<float>::empty({out, in});
    for (auto _ : state) {
        gemm(lafs::Cpu{}, 1.0f, Matrix<float>::row_major(g.data(), rows, out, out).transposed(),
             Matrix<float>::row_major(x.data(), rows, in, in), false, c.data(), in);
        benchmark::ClobberMemory();
    }
    state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(rows * out * in),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}

// tokens of a batch x out x in: tiny (batch 32) and base (batch 4), the DINO prototypes, and a square.
BENCHMARK(linear_layer)
    ->Args({6304, 576, 192})
    ->Args({6304, 384, 192})
    ->Args({788, 2112, 768})
    ->Args({788, 2048, 768})
    ->Args({40, 100000, 256})
    ->Args({2048, 2048, 2048})
    ->UseRealTime();
BENCHMARK(input_gradient)->Args({6304, 192, 576})->Args({788, 768, 2048})->UseRealTime();
BENCHMARK(weight_gradient)->Args({6304, 576, 192})->Args({788, 2048, 768})->UseRealTime();

}  // namespace
