// The CUDA backend's operations at the sizes of a training step. The limit of all but the products is the
// memory's speed, which `copy` shows: bytes that must move over the time (GB/s). Products are limited by the
// tensor cores, or by the multiply-add units where float operands may not be rounded (TFLOP/s).
//
// Times are the device's own, between two events. What a call touches is larger than the 60 MB of an H200's
// cache, but for softmax in bfloat16 (41 MB).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <lafs/autograd/expression.hpp>
#include <lafs/cuda.hpp>

namespace {

using lafs::Cuda, lafs::GradientTarget, lafs::Matrix, lafs::Tensor, lafs::View, lafs::bfloat16;

/// Tokens of 128 faces, at base size.
constexpr std::int64_t tokens = 128 * 197, width = 768, hidden = 2048, elements = 1 << 25;

/// Numbers in the range of activations.
template <class T>
Tensor<T, Cuda> ramp(const lafs::Shape& shape) {
    auto x = Tensor<T>::empty(shape);
    constexpr std::int64_t period = 1999;
    for (std::int64_t i = 0; i < x.size(); ++i)
        x.data()[i] = i < period ? static_cast<T>(static_cast<float>(i * 7 % period) / 1000.0f - 1.0f)
                                 : x.data()[i - period];
    return x.template to<Cuda>();
}

/// The device's time for a call, from several calls on the stream, and `amount` over it as a counter.
template <class Call>
void measure(benchmark::State& state, const char* unit, double amount, const Call& call) {
    constexpr int calls = 10;
    cudaEvent_t begin, end;
    lafs::cuda::check(cudaEventCreate(&begin), "cudaEventCreate");
    lafs::cuda::check(cudaEventCreate(&end), "cudaEventCreate");
    call();  // code is loaded, algorithms are chosen, the pool has its blocks
    for (auto _ : state) {
        lafs::cuda::check(cudaEventRecord(begin, lafs::cuda::stream()), "cudaEventRecord");
        for (int i = 0; i < calls; ++i)
            call();
        lafs::cuda::check(cudaEventRecord(end, lafs::cuda::stream()), "cudaEventRecord");
        lafs::cuda::check(cudaEventSynchronize(end), "cudaEventSynchronize");
        float milliseconds = 0;
        lafs::cuda::check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
        state.SetIterationTime(milliseconds * 1e-3 / calls);
    }
    state.counters[unit] = benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
    lafs::cuda::check(cudaEventDestroy(begin), "cudaEventDestroy");
    lafs::cuda::check(cudaEventDestroy(end), "cudaEventDestroy");
}

template <class T, class Call>
void measure_bytes(benchmark::State& state, std::int64_t moved, const Call& call) {
    measure(state, "GB/s", static_cast<double>(moved) * sizeof(T) * 1e-9, call);
}

template <class T, class E>
void forward(benchmark::State& state, const E& expression, const lafs::Shape& shape, std::int64_t moved) {
    const auto out = Tensor<T, Cuda>::empty(shape);
    measure_bytes<T>(state, moved, [&] { map(Cuda{}, typename E::Node{}, out.view(), expression.bound()); });
}

/// Gradients of all inputs, each in the shape that `inputs` lists.
template <class T, class E>
void backward(benchmark::State& state, const E& expression, const lafs::Shape& shape,
              const std::vector<lafs::Shape>& inputs, std::int64_t moved) {
    const auto gradient = ramp<T>(shape);
    std::vector<Tensor<T, Cuda>> gradients;
    GradientTarget<T> targets[E::inputs];
    for (int i = 0; i < E::inputs; ++i) {
        gradients.push_back(Tensor<T, Cuda>::empty(inputs[static_cast<std::size_t>(i)]));
        targets[i] = {gradients.back().data(), false};
    }
    measure_bytes<T>(state, moved, [&] {
        map_gradients(Cuda{}, typename E::Node{}, View<const T>(gradient.view()), expression.bound(),
                      targets);
    });
}

template <class T>
void copy(benchmark::State& state) {
    const auto from = ramp<T>({elements}), to = Tensor<T, Cuda>::empty({elements});
    measure_bytes<T>(state, 2 * elements,
                     [&] { lafs::DeviceMemory<Cuda>::copy(to.data(), from.data(), elements * sizeof(T)); });
}

template <class T>
auto gelu_expression() {
    const lafs::Shape shape{elements};
    return lafs::fuse([](auto a, auto b, auto c) { return gelu(a * b + c) + a; }, ramp<T>(shape),
                      ramp<T>(shape), ramp<T>(shape));
}
template <class T>
void gelu_forward(benchmark::State& state) {
    forward<T>(state, gelu_expression<T>(), {elements}, 4 * elements);
}
template <class T>
void gelu_backward(benchmark::State& state) {
    backward<T>(state, gelu_expression<T>(), {elements}, {{elements}, {elements}, {elements}}, 7 * elements);
}

template <class T>
auto bias_gelu_expression() {
    return lafs::fuse([](auto x, auto bias) { return gelu(x + bias); }, ramp<T>({tokens, hidden}),
                      ramp<T>({hidden}));
}
template <class T>
void bias_gelu_forward(benchmark::State& state) {
    forward<T>(state, bias_gelu_expression<T>(), {tokens, hidden}, 2 * tokens * hidden);
}
template <class T>
void bias_gelu_backward(benchmark::State& state) {
    backward<T>(state, bias_gelu_expression<T>(), {tokens, hidden}, {{tokens, hidden}, {hidden}},
                3 * tokens * hidden);
}

template <class T>
void sum_over_rows(benchmark::State& state) {
    const auto x = ramp<T>({tokens, hidden}), out = Tensor<T, Cuda>::empty({hidden});
    measure_bytes<T>(state, tokens * hidden, [&] {
        reduce_sum(Cuda{}, {1, tokens, hidden}, x.data(), lafs::compute_t<T>(1), out.data());
    });
}
template <class T>
void sum_of_all(benchmark::State& state) {
    const auto x = ramp<T>({elements}), out = Tensor<T, Cuda>::empty({1});
    measure_bytes<T>(state, elements, [&] {
        reduce_sum(Cuda{}, {1, elements, 1}, x.data(), lafs::compute_t<T>(1), out.data());
    });
}

/// Attention weights of 24 faces with 11 heads.
constexpr std::int64_t softmax_rows = 24 * 11 * 197, softmax_length = 197;

template <class T>
void softmax_forward(benchmark::State& state) {
    const auto x = ramp<T>({softmax_rows, softmax_length}), y = Tensor<T, Cuda>::empty(x.shape());
    measure_bytes<T>(state, 2 * x.size(), [&] {
        row_forward(Cuda{}, lafs::SoftmaxRow{}, softmax_rows, softmax_length, static_cast<const T*>(x.data()),
                    y.data());
    });
}

template <class T>
struct LayerNorm {
    using C = lafs::compute_t<T>;
    Tensor<T, Cuda> x = ramp<T>({tokens, width}), g = ramp<T>({tokens, width}), gain = ramp<T>({width}),
                    bias = ramp<T>({width}), y = Tensor<T, Cuda>::empty({tokens, width}),
                    dgain = Tensor<T, Cuda>::empty({width}), dbias = Tensor<T, Cuda>::empty({width});
    Tensor<C, Cuda> mean = Tensor<C, Cuda>::empty({tokens}), deviation = Tensor<C, Cuda>::empty({tokens});

    void forward() const {
        layer_norm_forward(Cuda{}, tokens, width, static_cast<const T*>(x.data()),
                           static_cast<const T*>(gain.data()), static_cast<const T*>(bias.data()), C(1e-6),
                           y.data(), mean.data(), deviation.data());
    }
    void backward() const {
        layer_norm_backward(Cuda{}, tokens, width, static_cast<const T*>(x.data()),
                            static_cast<const T*>(gain.data()), static_cast<const T*>(g.data()),
                            static_cast<const C*>(mean.data()), static_cast<const C*>(deviation.data()),
                            GradientTarget<T>{y.data(), false}, GradientTarget<T>{dgain.data(), false},
                            GradientTarget<T>{dbias.data(), false});
    }
};
template <class T>
void layer_norm_forward_pass(benchmark::State& state) {
    const LayerNorm<T> norm;
    measure_bytes<T>(state, 2 * tokens * width, [&] { norm.forward(); });
}
template <class T>
void layer_norm_backward_pass(benchmark::State& state) {
    const LayerNorm<T> norm;
    norm.forward();
    measure_bytes<T>(state, 3 * tokens * width, [&] { norm.backward(); });
}

/// x (m, k) times the weight (n, k) of a linear layer.
template <class T, bool tf32>
void linear_layer(benchmark::State& state) {
    const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
    const auto x = ramp<T>({m, k}), weight = ramp<T>({n, k}), y = Tensor<T, Cuda>::empty({m, n});
    lafs::cuda::allow_tf32() = tf32;
    measure(state, "TFLOP/s", 2e-12 * static_cast<double>(m * n * k), [&] {
        gemm(Cuda{}, T(1), Matrix<T>::row_major(x.data(), m, k, k),
             Matrix<T>::row_major(weight.data(), n, k, k).transposed(), false, y.data(), n);
    });
    lafs::cuda::allow_tf32() = false;
}

void timed(benchmark::internal::Benchmark* each) {
    each->UseManualTime()->Iterations(10)->Unit(benchmark::kMicrosecond);
}
void shapes(benchmark::internal::Benchmark* products) {
    products->Args({tokens, 3 * 11 * 64, width})
        ->Args({tokens, hidden, width})
        ->Args({tokens, width, hidden});
    products->Args({8192, 8192, 8192});
    timed(products);
}

BENCHMARK_TEMPLATE(copy, float)->Apply(timed);
BENCHMARK_TEMPLATE(copy, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(gelu_forward, float)->Apply(timed);
BENCHMARK_TEMPLATE(gelu_forward, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(gelu_backward, float)->Apply(timed);
BENCHMARK_TEMPLATE(gelu_backward, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(bias_gelu_forward, float)->Apply(timed);
BENCHMARK_TEMPLATE(bias_gelu_forward, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(bias_gelu_backward, float)->Apply(timed);
BENCHMARK_TEMPLATE(bias_gelu_backward, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(sum_over_rows, float)->Apply(timed);
BENCHMARK_TEMPLATE(sum_over_rows, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(sum_of_all, float)->Apply(timed);
BENCHMARK_TEMPLATE(sum_of_all, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(softmax_forward, float)->Apply(timed);
BENCHMARK_TEMPLATE(softmax_forward, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(layer_norm_forward_pass, float)->Apply(timed);
BENCHMARK_TEMPLATE(layer_norm_forward_pass, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(layer_norm_backward_pass, float)->Apply(timed);
BENCHMARK_TEMPLATE(layer_norm_backward_pass, bfloat16)->Apply(timed);
BENCHMARK_TEMPLATE(linear_layer, float, false)->Apply(shapes);
BENCHMARK_TEMPLATE(linear_layer, float, true)->Apply(shapes);
BENCHMARK_TEMPLATE(linear_layer, bfloat16, false)->Apply(shapes);

}  // namespace

int main(int count, char** arguments) {
    if (lafs::cuda::device_count() == 0) {
        std::puts("SKIPPED: no CUDA device");
        return 77;
    }
    benchmark::Initialize(&count, arguments);
    if (benchmark::ReportUnrecognizedArguments(count, arguments))
        return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
