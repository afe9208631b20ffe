// A run of pre-training on a device.
#pragma once

#include <cstdio>
#include <lafs/train/pretrain.hpp>

/// Pre-trains, and names the report; 0 when the run is finished, 130 when it was stopped.
template <class D>
int pretrain(const lafs::PretrainOptions& options) {
    lafs::BasicPretrainTask<float, D> task(options);
    const bool finished = lafs::run_training(task, options.run);
    if (finished)
        std::fprintf(stderr, "report: %s\n", (options.run.out / "report.html").c_str());
    return finished ? 0 : 130;
}
