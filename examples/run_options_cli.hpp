// The command line that all trainers share.
#pragma once

#include <lafs/train/run_options.hpp>

#include "command_line.hpp"
#include "image_options.hpp"

/// Adds the options of RunOptions to the command line of a program, whose presets are those of `program`. Returns that
/// of the warm-up, whose default is the method's.
inline CommandLine::Option add_run_options(CommandLine& app, lafs::RunOptions& run,
                                           const std::string& program) {
    app.presets(program);
    app.config_file("--config", "Read options from a file of `name = value` lines; the command line wins");
    app.option("--data", run.data,
               "Training set: a record file (train.rec or its folder), a folder root/<identity>/<image>, or "
               "synthetic:ids=200,images=20[,seed=..]")
        .required();
    app.flag("--recursive", run.recursive, "Take the images in folders of an identity's folder, too");
    add_image_options(app);
    app.option(
           "--colour-order",
           [&run](const std::string& order) { run.colour_order = lafs::parse_colour_order(order); },
           "What the files of --data hold first: rgb (the default; WebFace4M) or bgr (MS1MV3). Of any other "
           "set: bgr: "
           "in front of its name")
        .one_of({"rgb", "bgr"});
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
    app.option("--keep-every", run.keep_every,
               "Epochs between checkpoints that stay, in OUT/epoch-0010 and so on; 0: none");
    app.flag("--recompute", run.recompute,
             "Recompute transformer blocks in the backward pass: less memory, more time");
    return warmup;
}

/// Adds the options that cut the training set.
inline void add_share_options(CommandLine& app, std::int64_t& few_shot, double& partition) {
    app.option("--few-shot", few_shot, "Train on this many images of each identity; 0: all");
    app.option("--partition", partition, "Train on the first share of the records");
}
