// The option --device, and how a program's work is found for the device that it names.
//
// What a program does is a template over the device, in a header that two files include: <program>.cpp, which runs it on
// the processor, and <program>_cuda.cu, which is part of the program where CUDA is and offers it for GPUs:
//
//     const bool offered = offer_cuda(&finetune<lafs::Cuda>);
#pragma once

#include <lafs/core/device_choice.hpp>
#include <string>
#include <type_traits>

/// The work of a program, given its options.
template <class Result, class Options>
using DeviceWork = Result (*)(const Options&);

/// How a GPU is chosen, and what is then done there: empty where the program was built without CUDA.
template <class Result, class Options>
struct CudaWork {
    void (*choose)(int index) = nullptr;
    DeviceWork<Result, Options> work = nullptr;
};

/// What this program offers for GPUs.
template <class Result, class Options>
CudaWork<Result, Options>& cuda_work() {
    static CudaWork<Result, Options> instance;
    return instance;
}

/// Adds --device to a command line, of CLI11 or our own.
template <class App>
void add_device_option(App& app, lafs::DeviceChoice& device) {
    const std::string name = "--device",
                      help = "Where to compute: cpu (the default), cuda, or cuda:1 for the second GPU";
    const auto use = [&device](const std::string& text) { device = lafs::parse_device(text); };
    if constexpr (requires { app.option(name, use, help); })
        app.option(name, use, help);
    else
        app.template add_option_function<std::string>(name, use, help);
}

/// Runs `on_cpu`, or what the program offers for GPUs, on the device that was chosen. Throws for a GPU where the program
/// has no CUDA in it, and where the GPU cannot be used, saying why: work never goes to another device in silence.
template <class Result, class Options>
Result run_on(const lafs::DeviceChoice& device, const Options& options, DeviceWork<Result, Options> on_cpu) {
    if (!device.cuda)
        return on_cpu(options);
    const CudaWork<Result, Options>& cuda = cuda_work<Result, Options>();
    lafs::require(
        cuda.work != nullptr, "device", "got --device ", lafs::device_text(device),
        ", but this program was built without CUDA: configure with -DLAFS_CUDA=ON, or use --device cpu");
    cuda.choose(device.index);
    return cuda.work(options);
}
