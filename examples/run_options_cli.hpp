// The command line that all trainers share.
#pragma once

#include <lafs/train/run_options.hpp>

#include "command_line.hpp"

/// Adds the options of RunOptions to a program's command line. Returns that of the warm-up, whose default is the
/// method's.
inline CommandLine::Option add_run_options(CommandLine& app, lafs::RunOptions& run) {
    app.config_file("--config", "Read options from a file of `name = value` lines; the command line wins");
    app.option("--data", run.data,
               "Training set: a record file (train.rec or its folder), a folder root/<identity>/<image>, or "
               "synthetic:ids=200,images=20[,seed=..]")
        .required();
    app.option(
        "--model", run.model,
        "tiny, small or base (landmark patches); grid-tiny, grid-small, grid-base (plain patches); sizes can "
        "be changed: tiny:depth=8,dim=256,heads=4,mlp=512; for supervised training also iresnet18, 34, 50, "
        "100, 200, "
        "mobilefacenet, mobilefacenet_large");
    app.option("--out", run.out, "Folder for weights, state, log.jsonl and report.html").required();
    app.option("--epochs", run.epochs, "Passes over the training set");
    app.option("--batch", run.batch, "Images of one step");
    app.option("--lr", run.learning_rate, "Peak learning rate; 0: the method's rule for this batch");
    const auto warmup = app.option("--warmup", run.warmup_epochs, "Epochs in which the learning rate rises");
    app.option("--seed", run.seed, "The same seed gives the same weights, bit by bit");
    app.option("--threads", run.threads, "Threads; 0: one per core. Does not change results");
    app.option("--workers", run.workers,
               "Threads that read and augment images while the training computes; 0: its own threads do it "
               "in between. Does not change results");
    app.flag("--skip-damaged", run.skip_damaged,
             "Pass over images that cannot be read, count and name them; otherwise the run stops at one");
    app.flag("--resume", run.resume, "Go on from the state saved in --out, if there is one");
    app.option("--save-every", run.save_every, "Steps between saved states, beside the end of every epoch");
    app.flag("--recompute", run.recompute,
             "Recompute transformer blocks in the backward pass: less memory, more time");
    return warmup;
}
