// How work is timed on a device, and what it is compared with: the speed of the device's memory and the rate of
// its matrix products, both measured by the program itself before the first work that needs them.
//
// A device brings `Clock<D>`, before anything here is instantiated for it:
//   seconds(call)         the time of one call of `call`, once all that it started is done
//   copy(to, from, bytes) a plain copy in the device's memory
//   scheduled(benchmark)  how often the work is repeated
//   copied                how many floats the copy has whose speed counts as the memory's
//   square                the side of the product whose rate counts as the device's
//   tensor_cores(on)      optional: lets products of float tensors round their operands to TF32
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/gemm.hpp>
#include <string>
#include <vector>

namespace lafs_bench {

using lafs::Matrix, lafs::Tensor;

template <class D>
struct Clock;

/// Numbers in the range of activations.
template <class T, class D>
Tensor<T, D> ramp(const lafs::Shape& shape) {
    auto x = Tensor<T>::empty(shape);
    constexpr std::int64_t period = 1999;
    for (std::int64_t i = 0; i < x.size(); ++i)
        x.data()[i] = i < period ? static_cast<T>(static_cast<float>(i * 7 % period) / 1000.0f - 1.0f)
                                 : x.data()[i - period];
    return x.template to<D>();
}

/// The best of some calls, after one that loads code and fills the pool.
template <class D, class Call>
double best_seconds(const Call& call) {
    call();
    double best = Clock<D>::seconds(call);
    for (int i = 0; i < 4; ++i)
        best = std::min(best, Clock<D>::seconds(call));
    return best;
}

/// A copy of `bytes` on the device: they are read and written.
template <class T, class D>
auto copy_call(std::int64_t elements) {
    return [from = ramp<T, D>({elements}), to = Tensor<T, D>::empty({elements}), elements] {
        Clock<D>::copy(to.data(), from.data(), static_cast<std::size_t>(elements) * sizeof(T));
    };
}

/// Bytes a second of a large copy.
template <class D>
double copy_rate() {
    constexpr std::int64_t floats = Clock<D>::copied;
    static const double rate = 2.0 * sizeof(float) * floats / best_seconds<D>(copy_call<float, D>(floats));
    return rate;
}

/// y (m, n) = x (m, k) times the weight (n, k) of a linear layer.
template <class T, class D>
auto linear_call(std::int64_t m, std::int64_t n, std::int64_t k) {
    return [=, x = ramp<T, D>({m, k}), weight = ramp<T, D>({n, k}), y = Tensor<T, D>::empty({m, n})] {
        gemm(D{}, lafs::compute_t<T>(1), Matrix<T>::row_major(x.data(), m, k, k),
             Matrix<T>::row_major(weight.data(), n, k, k).transposed(), false, y.data(), n);
    };
}

/// Whether products of float tensors run with operands rounded to TF32; as before at the end of the scope.
template <class D, bool on>
struct TensorCores {
    TensorCores() {
        if constexpr (on)
            Clock<D>::tensor_cores(true);
    }
    ~TensorCores() {
        if constexpr (on)
            Clock<D>::tensor_cores(false);
    }
    TensorCores(const TensorCores&) = delete;
    TensorCores& operator=(const TensorCores&) = delete;
};

/// Floating-point operations a second of a large square product.
template <class T, class D, bool tf32 = false>
double product_rate() {
    static const double rate = [] {
        const TensorCores<D, tf32> scope;
        constexpr std::int64_t side = Clock<D>::square;
        return 2.0 * side * side * side / best_seconds<D>(linear_call<T, D>(side, side, side));
    }();
    return rate;
}

/// What work has to move and to compute; 0 is not reported.
struct Amount {
    double bytes = 0, operations = 0;
};

/// Times the call. Counters: GB/s and its share of a copy, GFLOP/s and its share of a large product.
template <class T, class D, bool tf32 = false, class Call>
void measure(benchmark::State& state, const Amount& amount, const Call& call) {
    const double bandwidth = amount.bytes > 0 ? copy_rate<D>() : 1;
    const double rate = amount.operations > 0 ? product_rate<T, D, tf32>() : 1;
    const TensorCores<D, tf32> scope;
    call();
    double seconds = 0;
    for (auto _ : state) {
        const double time = Clock<D>::seconds(call);
        state.SetIterationTime(time);
        seconds += time;
    }
    const double calls = static_cast<double>(state.iterations()) / seconds;
    if (amount.bytes > 0) {
        state.counters["GB/s"] = amount.bytes * calls * 1e-9;
        state.counters["of_copy"] = amount.bytes * calls / bandwidth;
    }
    if (amount.operations > 0) {
        state.counters["GFLOP/s"] = amount.operations * calls * 1e-9;
        state.counters["of_product"] = amount.operations * calls / rate;
    }
}

/// Work on a device, as its program runs it.
struct Work {
    std::string name, device;
    std::function<void(benchmark::State&)> run;
    void (*scheduled)(benchmark::internal::Benchmark*);
};
inline std::vector<Work>& all_work() {
    static std::vector<Work> list;
    return list;
}
template <class D>
void add(const std::string& name, std::function<void(benchmark::State&)> run) {
    all_work().push_back({name, D::name, std::move(run), Clock<D>::scheduled});
}

/// Runs what was added, the same work on all devices side by side; the program's exit status.
inline int run_all_work(int count, char** arguments) {
    benchmark::Initialize(&count, arguments);
    if (benchmark::ReportUnrecognizedArguments(count, arguments))
        return 1;
    std::vector<std::string> names;
    for (const Work& work : all_work())
        if (std::find(names.begin(), names.end(), work.name) == names.end())
            names.push_back(work.name);
    for (const std::string& name : names)
        for (const Work& work : all_work())
            if (work.name == name)
                work.scheduled(benchmark::RegisterBenchmark((name + "/" + work.device).c_str(), work.run)
                                   ->UseManualTime()
                                   ->Unit(benchmark::kMicrosecond));
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}

}  // namespace lafs_bench
