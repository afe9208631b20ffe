// The option --device, and how a program's work is found for the device that it names.
//
// What a program does is a template over the device, in a header that two files include: <program>.cpp, which runs it on
// the processor, and <program>_cuda.cu, which is part of the program where CUDA is and offers it for GPUs:
//
//     const bool offered = offer_cuda(&finetune<lafs::Cuda>);
#pragma once

#include <lafs/core/device_choice.hpp>
#include <type_traits>

#include "command_line.hpp"

/// The work of a program, given its options, on a GPU that was chosen; returns the program's exit code.
template <class Options>
using DeviceWork = int (*)(const Options&);

/// How a GPU is chosen, and what is then done there: empty where the program was built without CUDA.
template <class Options>
struct CudaWork {
    void (*choose)(int index) = nullptr;
    DeviceWork<Options> work = nullptr;
};

/// What this program offers for GPUs.
template <class Options>
CudaWork<Options>& cuda_work() {
    static CudaWork<Options> instance;
    return instance;
}

/// Adds --device.
inline void add_device_option(CommandLine& app, lafs::DeviceChoice& device) {
    app.option(
        "--device", [&device](const std::string& text) { device = lafs::parse_device(text); },
        "Where to compute: cpu (the default), cuda, or cuda:1 for the second GPU");
}

/// Runs `on_cpu`, or what the program offers for GPUs, on the device that was chosen. Throws for a GPU where the program
/// has no CUDA in it, and where the GPU cannot be used, saying why: work never goes to another device in silence.
template <class Options>
int run_on(const lafs::DeviceChoice& device, const Options& options,
           DeviceWork<std::type_identity_t<Options>> on_cpu) {
    if (!device.cuda)
        return on_cpu(options);
    const CudaWork<Options>& cuda = cuda_work<Options>();
    lafs::require(
        cuda.work != nullptr, "device", "got --device ", lafs::device_text(device),
        ", but this program was built without CUDA: configure with -DLAFS_CUDA=ON, or use --device cpu");
    cuda.choose(device.index);
    return cuda.work(options);
}
