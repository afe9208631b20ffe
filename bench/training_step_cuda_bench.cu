// Training steps on a GPU: views are made by the host, as in training.
#include <lafs/cuda.hpp>

#include "training_step.hpp"

namespace {
const bool tiny = lafs_bench::register_steps<lafs::Cuda>("tiny", 256, 4096);
const bool base = lafs_bench::register_steps<lafs::Cuda>("base", 32, 100'000);
}  // namespace
