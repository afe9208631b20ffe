// The work of backends_bench.cpp, which is part of this program, on a GPU beside the CPU; without a GPU, the
// CPU's alone. Times are the device's own, between two events around several calls.
#include <lafs/cuda.hpp>

#include "backends_networks.hpp"

namespace lafs_bench {

template <>
struct Clock<lafs::Cuda> {
    static constexpr std::int64_t copied = 1 << 25, square = 8192;

    template <class Call>
    static double seconds(const Call& call) {
        using lafs::cuda::check;
        constexpr int calls = 10;
        static const cudaEvent_t begin = event(), end = event();
        check(cudaEventRecord(begin, lafs::cuda::stream()), "cudaEventRecord");
        for (int i = 0; i < calls; ++i)
            call();
        check(cudaEventRecord(end, lafs::cuda::stream()), "cudaEventRecord");
        check(cudaEventSynchronize(end), "cudaEventSynchronize");
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
        return milliseconds * 1e-3 / calls;
    }
    static cudaEvent_t event() {
        cudaEvent_t created = nullptr;
        lafs::cuda::check(cudaEventCreate(&created), "cudaEventCreate");
        return created;
    }
    static void copy(void* to, const void* from, std::size_t bytes) {
        lafs::DeviceMemory<lafs::Cuda>::copy(to, from, bytes);
    }
    static void scheduled(benchmark::internal::Benchmark* work) { work->Iterations(10); }
    static void tensor_cores(bool on) { lafs::cuda::allow_tf32() = on; }
};

namespace {
bool add_all_of_gpu() {
    add_products<float, lafs::Cuda, true>({}, "tf32");
    return add_all_work<lafs::Cuda>();
}
const bool added = lafs::cuda::device_count() > 0 && add_all_of_gpu();
}  // namespace

}  // namespace lafs_bench
