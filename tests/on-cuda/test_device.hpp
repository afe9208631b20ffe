// The device that a test runs on: here CUDA, on a GPU or on the host's emulator.
#pragma once

#include <lafs/cuda.hpp>

namespace lafs_test {
using Device = lafs::Cuda;
}  // namespace lafs_test
