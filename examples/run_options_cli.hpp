// The command line that all trainers share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <lafs/train/run_options.hpp>

/// Adds the options of RunOptions to a program's command line. Defaults are shown by --help.
inline void add_run_options(CLI::App& app, lafs::RunOptions& run) {
    app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.set_config("--config", "", "Read options from a file of `name = value` lines; the command line wins")
        ->check(CLI::ExistingFile);
    app.add_option(
           "--data", run.data,
           "Training set: a record file (train.rec or its folder), a folder root/<identity>/<image>, or "
           "synthetic:ids=200,images=20[,seed=..]")
        ->required();
    app.add_option(
        "--model", run.model,
        "tiny, small or base (landmark patches); grid-tiny, grid-small, grid-base (plain patches); sizes can "
        "be changed: tiny:depth=8,dim=256,heads=4,mlp=512");
    app.add_option("--out", run.out, "Folder for weights, state, log.jsonl and report.html")->required();
    app.add_option("--epochs", run.epochs, "Passes over the training set");
    app.add_option("--batch", run.batch, "Images of one step");
    app.add_option("--lr", run.learning_rate, "Peak learning rate; 0: the method's rule for this batch");
    app.add_option("--warmup", run.warmup_epochs, "Epochs in which the learning rate rises");
    app.add_option("--seed", run.seed, "The same seed gives the same weights, bit by bit");
    app.add_option("--threads", run.threads, "Threads; 0: one per core. Does not change results");
    app.add_option(
        "--workers", run.workers,
        "Threads that read and augment images while the training computes; 0: its own threads do it "
        "in between. Does not change results");
    app.add_flag("--skip-damaged", run.skip_damaged,
                 "Pass over images that cannot be read, count and name them; otherwise the run stops at one");
    app.add_flag("--resume", run.resume, "Go on from the state saved in --out, if there is one");
    app.add_option("--save-every", run.save_every,
                   "Steps between saved states, beside the end of every epoch");
    app.add_flag("--recompute", run.recompute,
                 "Recompute transformer blocks in the backward pass: less memory, more time");
}

/// Runs a program's body: errors become one line on standard error and exit code 1.
template <class Body>
int run_program(const Body& body) {
    try {
        return body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
