// Primitives on the CPU. With backends_cuda_bench.cu in the same program, on the CPU and a GPU side by side.
#include <chrono>

#include "backends_networks.hpp"

namespace lafs_bench {

template <>
struct Clock<lafs::Cpu> {
    static constexpr std::int64_t copied = 1 << 25, square = 2048;

    template <class Call>
    static double seconds(const Call& call) {
        const auto begin = std::chrono::steady_clock::now();
        call();
        benchmark::ClobberMemory();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    /// By all threads: one alone may not reach the memory's speed.
    static void copy(void* to, const void* from, std::size_t bytes) {
        lafs::parallel_ranges(
            static_cast<std::int64_t>(bytes), 1 << 20, [=](std::int64_t begin, std::int64_t end) {
                std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                            static_cast<std::size_t>(end - begin));
            });
    }
    static void scheduled(benchmark::internal::Benchmark* work) { work->MinTime(0.2); }
};

namespace {
const bool added = add_all_work<lafs::Cpu>();
}  // namespace

}  // namespace lafs_bench

int main(int count, char** arguments) {
    return lafs_bench::run_all_work(count, arguments);
}
