// Supervised training: stage 1 (from scratch) and stage 3 (from a landmark CNN and a pre-trained network).
#include <lafs/report/verification_report.hpp>
#include <lafs/train/finetune.hpp>

#include "run_options_cli.hpp"

/// Options that are given after others win: --augmentation comes first, so that single options change it.
void add_augmentation_options(CLI::App& app, lafs::FinetuneOptions& options) {
    app.add_option_function<std::string>(
           "--augmentation", [&options](const std::string& name) { lafs::use_augmentation(options, name); },
           "none, flip (the default), or all that is published for training on webface or ms1mv3; single "
           "options change it")
        ->check(CLI::IsMember(lafs::augmentation_names));
    app.add_flag("--flip,!--no-flip", options.augmentation.flip, "Mirror half of the faces");
    app.add_option("--rand-augment", options.augmentation.rand_augment,
                   "Magnitude of RandAugment, up to 10 (published: 1 for WebFace, 2 for MS1MV3); 0: none");
    app.add_option("--crop", options.augmentation.smallest_crop, "Smallest share of a random crop; 1: none");
    app.add_option("--colour-jitter", options.augmentation.colour_jitter,
                   "Range of random brightness, contrast, saturation and hue; 0: none");
    app.add_option("--erase", options.augmentation.erase, "Probability of erasing a rectangle");
    app.add_option("--mixup", options.mixup, "Probability of mixing a batch");
}

int main(int argc, char** argv) {
    CLI::App app{
        "Trains a face recogniser on labelled faces. Stage 1: without initial weights, to learn the landmark "
        "CNN. Stage 3: "
        "with --init-landmarks and --init-backbone. Writes model.safetensors, landmarks.safetensors, "
        "state.safetensors, "
        "log.jsonl and report.html into --out."};
    lafs::FinetuneOptions options;
    options.run.epochs = 34;
    options.run.warmup_epochs = 0;
    add_run_options(app, options.run);
    app.add_option("--head", options.head.name, "cosface, arcface, sface or softmax");
    app.add_option("--scale", options.head.scale, "Scale of the cosines; below 0: 64");
    app.add_option("--margin", options.head.margin, "Margin; below 0: the head's published value");
    app.add_flag("--easy-margin", options.head.easy_margin, "ArcFace's easy margin");
    app.add_option("--init-landmarks", options.init_landmarks,
                   "Weights with a landmark CNN (landmarks.safetensors, or a .pth)");
    app.add_option("--init-backbone", options.init_backbone,
                   "Weights with a transformer (teacher.safetensors, or a .pth)");
    app.add_option("--few-shot", options.few_shot, "Train on this many images of each identity; 0: all");
    app.add_option("--partition", options.partition, "Train on the first share of the records");
    auto* pairs = app.add_option("--pairs", options.pairs, "Verification pairs to validate on (pairs.txt)");
    app.add_option("--root", options.root, "Folder of the pairs' images")->needs(pairs);
    pairs->needs(app.get_option("--root"));
    app.add_option("--bin", options.bin, "Or a verification set to validate on (lfw.bin)");
    app.add_option("--validate-every", options.validate_every, "Epochs between validations");
    app.add_option("--weight-decay", options.weight_decay, "Weight decay (half of it for the landmark CNN)");
    app.add_option("--layer-decay", options.layer_decay,
                   "Learning-rate decay per layer; below 0: 0.58 with --init-backbone, else none");
    app.add_option("--clip", options.clip, "Largest norm of all gradients; 0: no clipping");
    app.add_option("--accumulate", options.accumulate, "Batches of one optimiser step");
    add_augmentation_options(app, options);
    app.add_option(
        "--landmark-regularization", options.landmark_regularization,
        "Keep the landmarks near those of --init-landmarks: factor on the published weights; 0: off");
    app.add_option("--dropout", options.dropout, "Dropout in the transformer");
    app.add_option("--drop-path", options.stochastic_depth, "Stochastic depth in the transformer");
    CLI11_PARSE(app, argc, argv);
    return run_program([&] {
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
