// For the .cu file of a program: offers its work for GPUs (on_device.hpp).
#pragma once

#include <lafs/cuda.hpp>

#include "on_device.hpp"

/// Called once, before `main`; true.
template <class Options>
bool offer_cuda(DeviceWork<Options> work) {
    cuda_work<Options>() = {&lafs::cuda::use_gpu, work};
    return true;
}
