// The CUDA emulator itself: shuffles, barriers, shared memory, and that misuse is an error instead of a hang.
#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/tensor.hpp>
#include <string>
#include <utility>

#include "catch.hpp"

namespace {

using lafs::Cuda;
using lafs::Tensor;

/// Launches a kernel and waits.
template <class Kernel, class... Arguments>
void run(Kernel kernel, dim3 grid, dim3 block, const Arguments&... arguments) {
    lafs::cuda::launch(kernel, grid, block, lafs::cuda::stream(), arguments...);
    lafs::cuda::synchronize();
}

/// The message of the error that `function` throws; empty when it does not.
template <class Function>
std::string message_of(const Function& function) {
    try {
        function();
    } catch (const lafs::Error& error) {
        return error.what();
    }
    return {};
}

/// Threads and blocks in ascending order while it lives, unless `reversed()` is set.
struct FixedOrder {
    bool varied = std::exchange(lafs::testing::cuda_emulation().varied(), false);
    ~FixedOrder() { lafs::testing::cuda_emulation().varied() = varied; }
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

__global__ void indices(int* out) {
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x,
                   block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = static_cast<int>(100 * block + thread);
}

__global__ void reverse_in_block(int* values) {
    __shared__ int kept[64];
    kept[threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
}

__global__ void shuffles(int* sums, int* shifted) {
    int value = static_cast<int>(threadIdx.x);
    shifted[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFu, value, 4u, 16);
    for (int distance = 16; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xFFFFFFFFu, value, distance);
    sums[threadIdx.x] = value;
}

__global__ void half_leaves_before_barrier() {
    if (threadIdx.x % 2)
        return;
    __syncthreads();
}

__global__ void leaves_while_others_wait() {
    if (threadIdx.x + 1 == blockDim.x)
        return;
    __syncthreads();
}

__global__ void two_barriers() {
    if (threadIdx.x % 2)
        __syncthreads();
    else
        __syncthreads();
}

__global__ void shuffle_of_half(int* out) {
    if (threadIdx.x < 16)
        *out = __shfl_xor_sync(0xFFFFFFFFu, 1, 1);
}

__global__ void shuffle_beyond_block(int* out) {
    *out = __shfl_xor_sync(0xFFFFFFFFu, 1, 1);
}

__global__ void barrier_missing(int* out) {
    __shared__ int first;
    if (threadIdx.x == 0)
        first = static_cast<int>(blockIdx.x) + 1;
    out[blockIdx.x * blockDim.x + threadIdx.x] = first;
}

}  // namespace

TEST_CASE("emulator: every thread of every block runs once with its own indices", "[cuda-host]") {
    const auto out = Tensor<int, Cuda>::empty({8 * 12});
    run(indices, dim3(2, 2, 2), dim3(2, 3, 2), out.data());
    const auto values = out.to_vector();
    for (int i = 0; i < 96; ++i)
        CHECK(values[static_cast<std::size_t>(i)] == 100 * (i / 12) + i % 12);
}

TEST_CASE("emulator: barriers and shared memory", "[cuda-host]") {
    std::vector<int> numbers;
    for (int i = 0; i < 64; ++i)
        numbers.push_back(i);
    const auto values = Tensor<int, Cuda>::from({64}, numbers);
    run(reverse_in_block, dim3(1), dim3(64), values.data());
    const auto got = values.to_vector();
    for (int i = 0; i < 64; ++i)
        CHECK(got[static_cast<std::size_t>(i)] == 63 - i);
}

TEST_CASE("emulator: shuffles within a warp and a width", "[cuda-host]") {
    const auto sums = Tensor<int, Cuda>::empty({64}), shifted = Tensor<int, Cuda>::empty({64});
    run(shuffles, dim3(1), dim3(64), sums.data(), shifted.data());
    const auto totals = sums.to_vector(), moved = shifted.to_vector();
    for (int i = 0; i < 64; ++i) {
        CHECK(totals[static_cast<std::size_t>(i)] == (i < 32 ? 496 : 1520));
        CHECK(moved[static_cast<std::size_t>(i)] == (i % 16 < 12 ? i + 4 : i));
    }
}

TEST_CASE("emulator: a barrier that not all threads reach is an error", "[cuda-host]") {
    const FixedOrder ascending;
    CHECK(contains(message_of([] { run(half_leaves_before_barrier, dim3(1), dim3(32)); }),
                   "have left the kernel"));
    CHECK(contains(message_of([] { run(leaves_while_others_wait, dim3(1), dim3(32)); }),
                   "31 of 32 threads wait"));
    CHECK(contains(message_of([] { run(two_barriers, dim3(1), dim3(32)); }), "not the same for all"));
}

TEST_CASE("emulator: a shuffle with lanes that are not there is an error", "[cuda-host]") {
    const auto out = Tensor<int, Cuda>::empty({1});
    CHECK(!message_of([&] { run(shuffle_of_half, dim3(1), dim3(32), out.data()); }).empty());
    CHECK(contains(message_of([&] { run(shuffle_beyond_block, dim3(1), dim3(8), out.data()); }), "shuffle"));
}

TEST_CASE("emulator: a missing barrier shows when threads run in the other order", "[cuda-host]") {
    const FixedOrder order;
    auto& device = lafs::testing::cuda_emulation();
    const auto result = [] {
        const auto out = Tensor<int, Cuda>::empty({2 * 32});
        run(barrier_missing, dim3(2), dim3(32), out.data());
        return out.to_vector();
    };
    const auto ascending = result();
    device.reversed() = true;
    CHECK(result() != ascending);
    device.reversed() = false;
    CHECK(result() == ascending);

    // Varied: both orders, with no period that an even number of launches could hide in.
    device.varied() = true;
    std::vector<bool> reversed;
    for (int i = 0; i < 24; ++i)
        reversed.push_back(result() != ascending);
    for (std::ptrdiff_t period = 1; period <= 8; ++period)
        CHECK_FALSE(std::equal(reversed.begin() + period, reversed.end(), reversed.begin()));
}

TEST_CASE("emulator: work waits in the stream, new memory is not a number", "[cuda-host]") {
    lafs::pool<Cuda>().trim();
    const auto x = Tensor<float, Cuda>::empty({3});
    float host[3] = {1, 2, 3};
    CHECK(cudaMemcpyAsync(x.data(), host, sizeof host, cudaMemcpyHostToDevice, nullptr) == cudaSuccess);
    host[0] = 5;  // the copy has not been made yet
    CHECK(x.to_vector() == std::vector<float>{5, 2, 3});
    lafs::pool<Cuda>().trim();
    CHECK(std::isnan(Tensor<float, Cuda>::empty({400}).to_vector()[399]));
}

TEST_CASE("cuda: errors name the call and what CUDA says", "[cuda-host]") {
    CHECK(contains(message_of([] { run(half_leaves_before_barrier, dim3(1), dim3(2048)); }),
                   "[cuda] launch of 1 x 1 x 1 blocks of 2048 x 1 x 1 threads: invalid configuration"));
    CHECK(contains(message_of([] { Tensor<float, Cuda>::empty({std::int64_t{1} << 33}); }),
                   "[memory] no room"));
    float host = 0;
    CHECK(contains(message_of([&] { lafs::DeviceMemory<Cuda>::copy(&host, &host, 4); }),
                   "[cuda] cudaMemcpyAsync: invalid argument"));
    CHECK(message_of([] { run(half_leaves_before_barrier, dim3(1), dim3(1)); }).empty());
}

TEST_CASE("cuda: when memory is short, the pool gives its unused blocks back first", "[cuda-host]") {
    lafs::pool<Cuda>().trim();
    { const auto unused = Tensor<char, Cuda>::empty({50 << 20}); }
    CHECK(Tensor<char, Cuda>::empty({70 << 20}).defined());
    lafs::pool<Cuda>().trim();
}
