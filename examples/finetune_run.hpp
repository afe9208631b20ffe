// A run of supervised training on a device.
#pragma once

#include <cstdio>
#include <lafs/report/verification_report.hpp>
#include <lafs/train/finetune.hpp>

/// Trains, and says what came of it; 0 when the run is finished, 130 when it was stopped.
template <class D>
int finetune(const lafs::FinetuneOptions& options) {
    lafs::BasicFinetuneTask<float, D> task(options);
    const bool finished = lafs::run_training(task, options.run);
    std::fprintf(stderr, "%s", lafs::verification_text(task.verification()).c_str());
    if (finished)
        std::fprintf(stderr, "report: %s\n", (options.run.out / "report.html").c_str());
    return finished ? 0 : 130;
}
