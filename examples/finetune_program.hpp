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

#include "finetune_run.hpp"
#include "on_device.hpp"
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
    app.option("--mixup-alpha", options.mixup_alpha, "Shares of the mixed faces are from Beta(alpha, alpha)");
}

inline int finetune_program(int argc, char** argv) {
    CommandLine app{
        "Trains a face recogniser on labelled faces. Stage 1: without initial weights, to learn the landmark "
        "CNN. Stage 3: "
        "with --init-landmarks and --init-backbone. Writes model.safetensors, landmarks.safetensors, "
        "best.safetensors (the model of the best validation), state.safetensors, log.jsonl and report.html "
        "into "
        "--out."};
    lafs::FinetuneOptions options;
    lafs::DeviceChoice device;
    options.run.epochs = 34;
    options.run.warmup_epochs = 0;
    add_run_options(app, options.run, "lafs_finetune");
    add_device_option(app, device);
    app.option("--head", options.head.name, lafs::detail::text_of_choices(lafs::head_names()));
    app.option("--scale", options.head.scale, "Scale of the cosines; below 0: 64");
    app.option("--margin", options.head.margin, "Margin; below 0: the head's published value");
    app.flag("--easy-margin", options.head.easy_margin, "ArcFace's easy margin");
    app.option("--label-smoothing", options.label_smoothing,
               "Share of a label that goes to all identities alike, below 1; 0: none");
    app.option("--init-landmarks", options.init_landmarks,
               "Weights with a landmark CNN (landmarks.safetensors, or a .pth)");
    app.option("--init-backbone", options.init_backbone,
               "Weights with a transformer (teacher.safetensors, or a .pth)");
    add_share_options(app, options.few_shot, options.partition);
    app.option(
        "--bin", options.bins,
        "A verification set to validate on (lfw.bin), or a folder of them; may be given several times");
    const auto pairs =
        app.option("--pairs", options.pairs,
                   "Verification pairs to validate on (pairs.txt); may be given several times");
    pairs.needs(
        app.option("--root", options.roots, "Folder of the pairs' images: of each list, or one of all")
            .needs(pairs));
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
        return run_on(device, options, &finetune<lafs::Cpu>);
    });
}
