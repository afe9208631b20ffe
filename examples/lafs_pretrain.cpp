// Self-supervised pre-training without labels: LAFS or DINO (stage 2).
#include <cstdio>

#include "on_device.hpp"
#include "pretrain_run.hpp"
#include "run_options_cli.hpp"

namespace {

/// "0.4-1" or "0.4,1"; nothing is the method's scale.
lafs::CropScale crop_scale(const char* option, const std::string& text) {
    lafs::CropScale scale;
    char end = 0, between = 0;
    lafs::require(text.empty() || (std::sscanf(text.c_str(), "%lf %c %lf %c", &scale.smallest, &between,
                                               &scale.largest, &end) == 3 &&
                                   (between == '-' || between == ',') && scale.largest > 0),
                  "options", "got ", option, " ", text, ", expected two numbers like 0.4-1");
    return scale;
}

}  // namespace

int main(int argc, char** argv) {
    CommandLine app{
        "Pre-trains a face transformer without labels, by LAFS (landmark patches; needs the landmark CNN of "
        "stage 1) or by "
        "DINO (plain grid). Writes teacher.safetensors, state.safetensors, log.jsonl and report.html into "
        "--out."};
    lafs::PretrainOptions options;
    lafs::DeviceChoice device;
    std::string global_scale, local_scale;
    options.run.epochs = 41;
    options.run.warmup_epochs = 10;
    const CommandLine::Option warmup = add_run_options(app, options.run, "lafs_pretrain");
    add_device_option(app, device);
    app.option("--method", options.method, "lafs or dino");
    app.option("--landmarks", options.landmarks,
               "Weights with a landmark CNN (stage 1's landmarks.safetensors, or a .pth)");
    add_share_options(app, options.few_shot, options.partition);
    app.option(
        "--probe", options.probe.data,
        "A labelled set: at each epoch's end, how often the nearest other image shows the same person, and "
        "verification, by the teacher");
    app.option("--probe-images", options.probe.images, "The first so many images of --probe");
    app.option("--probe-neighbours", options.probe.neighbours, "Nearest images that vote for an identity");
    app.option("--probe-pairs", options.probe.pairs,
               "Pairs to verify; 0: what the set is sure to have, up to 6000");
    app.option("--optimizer", options.optimizer, "adamw, sgd or lars");
    app.option("--prototypes", options.prototypes,
               "Outputs of the head; 0: 100000 for base, 4096 for smaller models");
    app.option("--head-hidden", options.head_hidden, "Hidden width of the head");
    app.option("--bottleneck", options.bottleneck, "Width of the head in front of the prototypes");
    app.option("--local-views", options.local_views, "Local views beside the two global ones");
    app.option("--global-scale", global_scale,
               "Share of the picture that the crop of a global view keeps, from - to; nothing: 0.4-1");
    app.option("--local-scale", local_scale,
               "The same for local views; nothing: 0.4-1 for lafs, 0.05-0.4 for dino");
    app.option("--local-size", options.local_size,
               "Side of a local view in pixels; 0: 112 for lafs, 48 for dino");
    app.option("--local-tokens", options.local_tokens,
               "Landmarks of a local view; 0: 36. With dino the patches of --local-size");
    app.option("--perturbation", options.perturbation, "Deviation of the landmark noise in pixels");
    app.option("--min-lr", options.min_lr, "Learning rate at the end, unless the peak is lower");
    app.option("--weight-decay", options.weight_decay, "Weight decay at the start");
    app.option("--final-weight-decay", options.final_weight_decay, "Weight decay at the end");
    app.option("--momentum", options.momentum, "Momentum of the teacher at the start; 1 at the end");
    app.option("--warmup-teacher-temperature", options.warmup_teacher_temperature,
               "Teacher temperature at the start");
    app.option("--teacher-temperature", options.teacher_temperature, "Teacher temperature after its warm-up");
    app.option("--warmup-teacher-epochs", options.warmup_teacher_epochs, "Epochs in which it changes");
    app.option("--clip", options.clip, "Largest norm of each parameter's gradient; 0: no clipping");
    app.option("--freeze-last-layer", options.freeze_last_layer, "Epochs in which the prototypes stay");
    app.option("--dropout", options.dropout, "Dropout in the student");
    app.option("--drop-path", options.stochastic_depth, "Stochastic depth in the student");
    app.flag("--teacher-dropout", options.teacher_dropout,
             "Dropout and stochastic depth in the teacher, too, as in the published code");
    return app.run(argc, argv, [&] {
        if (options.run.threads > 0)
            lafs::set_threads(options.run.threads);
        if (warmup.count() == 0)  // short runs keep a shorter warm-up
            options.run.warmup_epochs = std::min(options.run.warmup_epochs, options.run.epochs / 4);
        options.global_scale = crop_scale("--global-scale", global_scale);
        options.local_scale = crop_scale("--local-scale", local_scale);
        return run_on(device, options, &pretrain<lafs::Cpu>);
    });
}
