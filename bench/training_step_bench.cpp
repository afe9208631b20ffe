// Training steps on the CPU.
#include "training_step.hpp"

namespace {
const bool tiny = lafs_bench::register_steps<lafs::Cpu>("tiny", 32, 4096);
const bool base = lafs_bench::register_steps<lafs::Cpu>("base", 4, 100'000);
}  // namespace
