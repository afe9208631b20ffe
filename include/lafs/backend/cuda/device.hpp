// Memory and the stream of an NVIDIA GPU.
//
// Everything the library does on the GPU is ordered on one stream, so a block that returns to the pool can be
// handed out at once: whoever gets it writes after the last reader. Copies from and to the host wait; the
// rest returns before it is done. One process uses one GPU, the thread's current device.
#pragma once

#include <cuda_runtime.h>

#include <lafs/core/pool.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// Throws lafs::Error with the call and CUDA's description of the error. Errors of kernels come late: the
/// call that reports one is the next that waits.
inline void check(cudaError_t status, const char* call) {
    if (status == cudaSuccess) [[likely]]
        return;
    cudaGetLastError();  // forgets an error that is not sticky, so that the next call does not report it
    fail("cuda", call, ": ", cudaGetErrorString(status));
}

/// The stream of all the library's work.
inline cudaStream_t stream() {
    static cudaStream_t instance = [] {
        cudaStream_t created = nullptr;
        check(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
        return created;
    }();
    return instance;
}

/// Waits for everything launched so far. Throws lafs::Error when some of it failed.
inline void synchronize() {
    check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
}

/// Number of GPUs that can be used; 0 without a driver.
inline int device_count() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        cudaGetLastError();
        return 0;
    }
    return count;
}

}  // namespace cuda

/// Errors are lafs::Error, apart from exhausted memory, which the pool reports.
template <>
struct DeviceMemory<Cuda> {
    static void* allocate(std::size_t bytes) {
        void* memory = nullptr;
        const cudaError_t status = cudaMalloc(&memory, bytes);
        if (status == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            return nullptr;
        }
        cuda::check(status, "cudaMalloc");
        return memory;
    }
    static void release(void* memory) { cuda::check(cudaFree(memory), "cudaFree"); }

    static void copy(void* to, const void* from, std::size_t bytes) {
        transfer(to, from, bytes, cudaMemcpyDeviceToDevice);
    }
    static void zero(void* to, std::size_t bytes) {
        if (bytes > 0)
            cuda::check(cudaMemsetAsync(to, 0, bytes, cuda::stream()), "cudaMemsetAsync");
    }
    /// A kernel: defined in backend/cuda/fill.cuh.
    template <class T>
    static void fill(T* to, std::size_t count, T value);
    static void from_host(void* to, const void* from, std::size_t bytes) {
        transfer(to, from, bytes, cudaMemcpyHostToDevice);
        cuda::synchronize();
    }
    static void to_host(void* to, const void* from, std::size_t bytes) {
        transfer(to, from, bytes, cudaMemcpyDeviceToHost);
        cuda::synchronize();
    }

private:
    static void transfer(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
        if (bytes > 0)
            cuda::check(cudaMemcpyAsync(to, from, bytes, kind, cuda::stream()), "cudaMemcpyAsync");
    }
};

}  // namespace lafs::inline LAFS_ABI
