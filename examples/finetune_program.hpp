// Supervised training: stage 1 (from scratch) and stage 3 (from a landmark CNN and a pre-trained network).
//
// A program of its own with heads or sources of its own is a `main` that registers them and then calls this:
//
//     int main(int argc, char** argv) {
//         lafs::register_head("mine", ...);     // --head mine
//         lafs::register_source("mine", ...);   // --data mine:...
//         return finetune_program(argc, argv);
//     }
#pragma once

#include <lafs/report/verification_report.hpp>
#include <lafs/train/finetune.hpp>

#include "run_options_cli.hpp"

/// Options that are given after others win: --augmentation comes first, so that single options change it.
inline void add_augmentation_options(CommandLine& app, lafs::FinetuneOptions& options) {
    app.option(
           "--augmentation", [&options](const std::string& name) { lafs::use_augmentation(options, name); },
           "none, flip (the default), or all that is published for training on webface or ms1mv3; single "
           "options change it")
        .one_of(lafs::augmentation_names);
    app.flag("--flip,!--no-flip", options.augmentation.flip, "Mirror half of the faces");
    app.option("--rand-augment", options.augmentation.rand_augment,
               "Magnitude of RandAugment, up to 10 (published: 1 for WebFace, 2 for MS1MV3); 0: none");
    app.option("--crop", options.augmentation.smallest_crop, "Smallest share of a random crop; 1: none");
    app.option("--colour-jitter", options.augmentation.colour_jitter,
               "Range of random brightness, contrast, saturation and hue; 0: none");
    app.option("--erase", options.augmentation.erase, "Probability of erasing a rectangle");
    app.option("--mixup", options.mixup, "Probability of mixing a batch");
}

inline int finetune_program(int argc, char** argv) {
    CommandLine app{
        "Trains a face recogniser on labelled faces. Stage 1: without initial weights, to learn the landmark "
        "CNN. Stage 3: "
        "with --init-landmarks and --init-backbone. Writes model.safetensors, landmarks.safetensors, "
        "state.safetensors, "
        "log.jsonl and report.html into --out."};
    lafs::FinetuneOptions options;
    options.run.epochs = 34;
    options.run.warmup_epochs = 0;
    add_run_options(app, options.run);
    app.option("--head", options.head.name, lafs::detail::text_of_choices(lafs::head_names()));
    app.option("--scale", options.head.scale, "Scale of the cosines; below 0: 64");
    app.option("--margin", options.head.margin, "Margin; below 0: the head's published value");
    app.flag("--easy-margin", options.head.easy_margin, "ArcFace's easy margin");
    app.option("--init-landmarks", options.init_landmarks,
               "Weights with a landmark CNN (landmarks.safetensors, or a .pth)");
    app.option("--init-backbone", options.init_backbone,
               "Weights with a transformer (teacher.safetensors, or a .pth)");
    app.option("--few-shot", options.few_shot, "Train on this many images of each identity; 0: all");
    app.option("--partition", options.partition, "Train on the first share of the records");
    const auto pairs = app.option("--pairs", options.pairs, "Verification pairs to validate on (pairs.txt)");
    pairs.needs(app.option("--root", options.root, "Folder of the pairs' images").needs(pairs));
    app.option("--bin", options.bin, "Or a verification set to validate on (lfw.bin)");
    app.option("--validate-every", options.validate_every, "Epochs between validations");
    app.option("--weight-decay", options.weight_decay, "Weight decay (half of it for the landmark CNN)");
    app.option("--layer-decay", options.layer_decay,
               "Learning-rate decay per layer; below 0: 0.58 with --init-backbone, else none");
    app.option("--clip", options.clip, "Largest norm of all gradients; 0: no clipping");
    app.option("--accumulate", options.accumulate, "Batches of one optimiser step");
    add_augmentation_options(app, options);
    app.option("--landmark-regularization", options.landmark_regularization,
               "Keep the landmarks near those of --init-landmarks: factor on the published weights; 0: off");
    app.option("--dropout", options.dropout, "Dropout in the transformer");
    app.option("--drop-path", options.stochastic_depth, "Stochastic depth in the transformer");
    return app.run(argc, argv, [&] {
        if (options.run.threads > 0)
            lafs::set_threads(options.run.threads);
        lafs::FinetuneTask task(options);
        const bool finished = lafs::run_training(task, options.run);
        if (task.verification())
            std::fprintf(stderr, "%s", lafs::verification_text(*task.verification()).c_str());
        if (finished)
            std::fprintf(stderr, "report: %s\n", (options.run.out / "report.html").c_str());
        return finished ? 0 : 130;
    });
}
