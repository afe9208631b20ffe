// Stands in for CUDA's header where kernels are compiled for the host.
#pragma once

#include <lafs/testing/cuda_emulator.hpp>
