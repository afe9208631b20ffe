// CUDA kernels on the host, for tests: the language's keywords, the part of the runtime that the library
// uses, and an executor that finds misuse.
//
// Put a folder with a `cuda_runtime.h` that includes this file in front of the include path, and the same
// .cuh sources compile with a plain C++ compiler. Each CUDA thread of a block is a fiber; blocks run one
// after the other. It is stricter than a GPU, so that a test fails where a GPU might get away with it:
//   - work waits in its stream until someone synchronises, as if the GPU were slow;
//   - device memory cannot be touched by host code (the test crashes), and is NaN at first;
//   - a barrier that a thread of the block never reaches, threads at two different barriers, a shuffle with a
//     lane that has gone or is not named: lafs::Error instead of a hang;
//   - `cuda_emulation().reversed()` runs threads and blocks in the opposite order, which must change nothing;
//     `varied()` does so in every other launch or so, without a period, for tests that only repeat a
//     computation.
// About a microsecond for each thread and barrier: keep shapes small. One host thread only.
#pragma once

#if defined(__CUDACC__)
#error "testing/cuda_emulator.hpp is for the host compiler; nvcc has the real thing"
#endif

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <lafs/testing/cuda_executor.hpp>
#include <map>
#include <tuple>

#define __global__
#define __device__
#define __host__
#define __shared__ static

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): the names are CUDA's
enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorNoKernelImageForDevice = 209
};
struct cudaDeviceProp {
    char name[256] = "";
    std::size_t totalGlobalMem = 0;
    int major = 0, minor = 0;
};
struct cudaFuncAttributes {};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaDataType { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16F = 2, CUDA_R_16BF = 14 };
using cudaStream_t = struct CUstream_st*;
inline constexpr unsigned cudaStreamNonBlocking = 1;

struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    std::size_t dynamicSmemBytes = 0;
    cudaStream_t stream = nullptr;
};
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)

namespace lafs::inline LAFS_ABI::testing {

/// What the machine seems to have, for tests of programs that look for a GPU.
struct EmulatedMachine {
    int driver = 13000, gpus = 1;
    bool kernels_fit = true;  ///< the program was built for its GPUs
};
inline EmulatedMachine& emulated_machine() {
    static EmulatedMachine instance;
    return instance;
}

/// The emulated device: its memory, and the work that waits in its only stream.
class CudaEmulation {
public:
    /// What can be allocated at a time, and the address space for it.
    static constexpr std::size_t memory_bytes = std::size_t{128} << 20, address_bytes = std::size_t{4} << 30;

    CudaEmulation() {
        void* memory =
            mmap(nullptr, address_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        require(memory != MAP_FAILED, "cuda emulator", "no address space for device memory");
        memory_ = static_cast<char*>(memory);
    }

    /// Threads and blocks in descending order.
    bool& reversed() { return reversed_; }

    /// The order of a launch is the one of `reversed()` or the opposite, by the parity of the bits of its
    /// number.
    bool& varied() { return varied_; }

    /// Adds work to the stream. It runs with device memory open, at the next `synchronize`.
    void enqueue(std::function<void()> work) { stream_.push_back(std::move(work)); }

    void synchronize() {
        if (stream_.empty())
            return;
        mprotect(memory_, used_, PROT_READ | PROT_WRITE);
        const struct Close {
            CudaEmulation& self;
            ~Close() {
                self.stream_.clear();
                mprotect(self.memory_, self.used_, PROT_NONE);
            }
        } close{*this};
        while (!stream_.empty()) {
            const auto work = std::move(stream_.front());
            stream_.pop_front();
            work();
        }
    }

    void run(dim3 grid, dim3 block, const std::function<void()>& body) {
        const bool odd = std::popcount(launches_++) % 2 != 0;
        executor_.reversed = reversed_ != (varied_ && odd);
        executor_.run(grid, block, body);
    }

    cudaError_t allocate(void** to, std::size_t bytes) {
        const std::size_t size = (bytes + 4095) / 4096 * 4096;
        if (live_ + size > memory_bytes)
            return cudaErrorMemoryAllocation;
        auto& reusable = free_[size];
        char* memory;
        if (!reusable.empty()) {
            memory = reusable.back();
            reusable.pop_back();
        } else if (used_ + size <= address_bytes) {
            memory = memory_ + used_;
            used_ += size;
        } else {
            return cudaErrorMemoryAllocation;
        }
        sizes_[memory] = size;
        live_ += size;
        // NaN in every element type. Not all of a workspace, for the same reason as below.
        const std::size_t filled = std::min<std::size_t>(size, 1 << 20);
        enqueue([=] { std::memset(memory, 0xFF, filled); });
        *to = memory;
        return cudaSuccess;
    }

    cudaError_t release(void* memory) {
        synchronize();
        const auto found = sizes_.find(static_cast<char*>(memory));
        if (found == sizes_.end())
            return memory ? cudaErrorInvalidValue : cudaSuccess;
        live_ -= found->second;
        madvise(memory, found->second, MADV_DONTNEED);  // opening and closing touched pages takes time
        free_[found->second].push_back(found->first);
        sizes_.erase(found);
        return cudaSuccess;
    }

    /// Whether [memory, memory + bytes) lies in one block of device memory.
    bool on_device(const void* memory, std::size_t bytes) const {
        const char* begin = static_cast<const char*>(memory);
        auto after = sizes_.upper_bound(const_cast<char*>(begin));
        if (after == sizes_.begin())
            return false;
        --after;
        return begin + bytes <= after->first + after->second;
    }

private:
    BlockExecutor executor_;
    bool reversed_ = false, varied_ = false;
    std::uint64_t launches_ = 0;
    std::deque<std::function<void()>> stream_;
    std::map<char*, std::size_t> sizes_;
    std::map<std::size_t, std::vector<char*>> free_;
    char* memory_ = nullptr;
    std::size_t used_ = 0, live_ = 0;
};

/// Never destroyed: pools may outlive static objects.
inline CudaEmulation& cuda_emulation() {
    static CudaEmulation* instance = new CudaEmulation;
    return *instance;
}

/// One kernel value of up to eight bytes, exchanged within a warp.
template <class T>
T exchange_lanes(unsigned mask, T value, unsigned from, Place place) {
    static_assert(sizeof(T) <= 8);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = executor_of_thread().exchange(mask, bits, from, place);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

}  // namespace lafs::inline LAFS_ABI::testing

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): the names are CUDA's
inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    lafs::testing::executor_of_thread().wait_for_block({file, line});
}

inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE()) {
    lafs::testing::exchange_lanes(mask, 0, lafs::testing::executor_of_thread().lane(), {file, line});
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    const unsigned lane = lafs::testing::executor_of_thread().lane(),
                   from = lane ^ static_cast<unsigned>(distance);
    const bool inside = from / static_cast<unsigned>(width) == lane / static_cast<unsigned>(width);
    return lafs::testing::exchange_lanes(mask, value, inside ? from : lane, {file, line});
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                   const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    const unsigned lane = lafs::testing::executor_of_thread().lane(), from = lane + distance;
    const bool inside = from / static_cast<unsigned>(width) == lane / static_cast<unsigned>(width);
    return lafs::testing::exchange_lanes(mask, value, inside ? from : lane, {file, line});
}

inline const char* cudaGetErrorString(cudaError_t status) {
    switch (status) {
        case cudaSuccess:
            return "no error";
        case cudaErrorMemoryAllocation:
            return "out of memory";
        case cudaErrorInvalidConfiguration:
            return "invalid configuration argument";
        case cudaErrorNoDevice:
            return "no CUDA-capable device is detected";
        case cudaErrorInvalidDevice:
            return "invalid device ordinal";
        case cudaErrorNoKernelImageForDevice:
            return "no kernel image is available for execution on the device";
        case cudaErrorInvalidValue:
            break;
    }
    return "invalid argument";
}
inline cudaError_t cudaGetLastError() {
    return cudaSuccess;
}
inline cudaError_t cudaDriverGetVersion(int* version) {
    *version = lafs::testing::emulated_machine().driver;
    return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = 13000;
    return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
    *count = lafs::testing::emulated_machine().gpus;
    return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}
inline cudaError_t cudaSetDevice(int index) {
    return index >= 0 && index < lafs::testing::emulated_machine().gpus ? cudaSuccess
                                                                        : cudaErrorInvalidDevice;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
    *properties = {"emulated", lafs::testing::CudaEmulation::memory_bytes, 9, 0};
    return cudaSetDevice(index);
}
inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) {
    return lafs::testing::emulated_machine().kernels_fit ? cudaSuccess : cudaErrorNoKernelImageForDevice;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = nullptr;
    return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
    lafs::testing::cuda_emulation().synchronize();
    return cudaSuccess;
}
inline cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    return lafs::testing::cuda_emulation().allocate(memory, bytes);
}
inline cudaError_t cudaFree(void* memory) {
    return lafs::testing::cuda_emulation().release(memory);
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
    auto& device = lafs::testing::cuda_emulation();
    if (!device.on_device(to, bytes))
        return cudaErrorInvalidValue;
    device.enqueue([=] { std::memset(to, value, bytes); });
    return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t) {
    auto& device = lafs::testing::cuda_emulation();
    if (device.on_device(to, bytes) != (kind != cudaMemcpyDeviceToHost) ||
        device.on_device(from, bytes) != (kind != cudaMemcpyHostToDevice))
        return cudaErrorInvalidValue;
    device.enqueue([=] { std::memcpy(to, from, bytes); });
    return cudaSuccess;
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* configuration, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
    const dim3 grid = configuration->gridDim, block = configuration->blockDim;
    const bool has_threads = grid.x && grid.y && grid.z && block.x && block.y && block.z;
    if (!has_threads || block.x * block.y * block.z > 1024 || grid.x > 0x7FFFFFFFu || grid.y > 65535 ||
        grid.z > 65535)
        return cudaErrorInvalidConfiguration;
    auto& device = lafs::testing::cuda_emulation();
    device.enqueue([&device, grid, block, kernel, kept = std::tuple<Parameters...>(arguments...)] {
        device.run(grid, block, [&] { std::apply(kernel, kept); });
    });
    return cudaSuccess;
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
