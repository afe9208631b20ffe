// The GPUs of this machine, and which of them the program computes on.
#pragma once

#include <cstddef>
#include <lafs/backend/cuda/fill.cuh>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI::cuda {

/// A GPU as its driver describes it.
struct Gpu {
    std::string name;
    int major = 0, minor = 0;  ///< compute capability
    std::size_t memory = 0;    ///< bytes

    std::string capability() const { return std::to_string(major) + "." + std::to_string(minor); }
};

/// "12.4": a version as CUDA's calls give it.
inline std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// The version of CUDA up to which the driver runs programs; 0 without a driver.
inline int driver_version() {
    int version = 0;
    check(cudaDriverGetVersion(&version), "cudaDriverGetVersion");
    return version;
}

/// The version of CUDA that this program was built with.
inline int runtime_version() {
    int version = 0;
    check(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
    return version;
}

/// All GPUs that can be used, by their numbers. Throws lafs::Error that says why there is none: no driver, one that is
/// too old, no device.
inline std::vector<Gpu> gpus() {
    const int driver = driver_version();
    require(driver > 0, "cuda", "no NVIDIA driver is installed, expected one for CUDA ",
            version_text(runtime_version()));
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess)
        cudaGetLastError();
    require(status == cudaSuccess && count > 0, "cuda",
            "no GPU can be used: ", status == cudaSuccess ? "there is none" : cudaGetErrorString(status),
            " (the driver is for CUDA ", version_text(driver), ", the program for ",
            version_text(runtime_version()), ")");
    std::vector<Gpu> all;
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp properties{};
        check(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
        all.push_back({properties.name, properties.major, properties.minor, properties.totalGlobalMem});
    }
    return all;
}

/// Whether this program holds kernels that run on the current GPU.
inline bool has_kernels() {
    cudaFuncAttributes attributes{};
    const bool found =
        cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(&fill_kernel<float>)) == cudaSuccess;
    if (!found)
        cudaGetLastError();
    return found;
}

/// Makes a GPU the one that this thread computes on; before it computes anything. Throws lafs::Error that says why it
/// cannot be used: see gpus(), a number that none has, a program that was not built for it.
inline void use_gpu(int index) {
    const std::vector<Gpu> all = gpus();
    require(index >= 0 && index < static_cast<int>(all.size()), "cuda", "got GPU ", index,
            ", expected one of the ", all.size(), " of this machine, numbered from 0");
    check(cudaSetDevice(index), "cudaSetDevice");
    const Gpu& gpu = all[static_cast<std::size_t>(index)];
    require(has_kernels(), "cuda", "GPU ", index, ", ", gpu.name, ", has compute capability ",
            gpu.capability(),
            ", for which this program was not built: configure with -DLAFS_CUDA_ARCHITECTURES=", gpu.major,
            gpu.minor);
}

}  // namespace lafs::inline LAFS_ABI::cuda
