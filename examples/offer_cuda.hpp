// For the .cu file of a program: offers its work for GPUs (on_device.hpp).
#pragma once

#include <lafs/cuda.hpp>

#include "on_device.hpp"

/// Called once, before `main`; true.
template <class Result, class Options>
bool offer_cuda(DeviceWork<Result, Options> work) {
    cuda_work<Result, Options>() = {&lafs::cuda::use_gpu, work};
    return true;
}
