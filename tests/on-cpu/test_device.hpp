// The device that a test runs on: here the CPU. A test that includes "test_device.hpp" is compiled once for
// each device that has the primitives it needs (tests/CMakeLists.txt); the include path chooses.
#pragma once

#include <lafs/core/device.hpp>

namespace lafs_test {
using Device = lafs::Cpu;
}  // namespace lafs_test
