// Both training tasks on every device: three steps have the losses and gradients of the CPU, and a run goes on there with
// what it saved here. On the CPU itself single precision is held against double.
#include <lafs/train/finetune.hpp>
#include <lafs/train/pretrain.hpp>

#include "device_values.hpp"
#include "temporary_folder.hpp"

namespace {

using lafs_test::Device, lafs_test::on_cpu;

/// What the device is held against.
using Reference = std::conditional_t<on_cpu, double, float>;

constexpr std::int64_t steps = 3;

void set_run(lafs::RunOptions& run, const lafs_test::TemporaryFolder& folder) {
    run.data = "synthetic:ids=2,images=2";
    run.model = "tiny:depth=1,width=32,heads=1,hidden=32";
    run.epochs = 4;
    run.batch = 2;
    run.learning_rate = 1e-5;  // Adam's first steps carry rounding of small gradients at full size
    run.out = folder / "out";
    run.seed = 3;
}

/// One step as the loop runs it: every step starts its own random numbers.
lafs::StepResult step_of(lafs::TrainingTask& task, std::int64_t step) {
    lafs::default_generator() = {3, static_cast<std::uint64_t>(step) << 24};
    return task.train_step(step);
}

double field(const lafs::StepResult& result, const std::string& name) {
    for (const lafs::LogField& field : result.fields)
        if (field.key == name)
            return std::get<double>(field.value);
    FAIL("no field " << name);
    return 0;
}

/// Batch norm over two images and Adam's first steps let rounding grow in the gradients of later steps, which the losses
/// hardly notice: the norm is compared in the first.
void check_same_step(const lafs::StepResult& one, const lafs::StepResult& expected, std::int64_t step) {
    CHECK(one.loss == Approx(expected.loss).epsilon(1e-4));
    if (step == 0)
        CHECK(field(one, "gradient_norm") == Approx(field(expected, "gradient_norm")).epsilon(1e-3));
}

void save(lafs::TrainingTask& task, const std::filesystem::path& file) {
    lafs::SafetensorsWriter writer;
    task.save_state(writer);
    writer.save(file);
}

/// The next step of a run that goes on from a file.
template <class Task, class Options>
lafs::StepResult resumed_step(const Options& options, const std::filesystem::path& file) {
    Task task(options);
    task.load_state(lafs::SafetensorsFile::open(file));
    return step_of(task, steps);
}

/// Three steps beside the reference, then a step of each device with the state of the other.
template <class Task, class ReferenceTask, class Options>
void check_training(const Options& options, const lafs_test::TemporaryFolder& folder) {
    const auto device_state = folder / "device.safetensors", cpu_state = folder / "cpu.safetensors";
    ReferenceTask expected(options);
    {
        Task task(options);
        for (std::int64_t step = 0; step < steps; ++step) {
            INFO("step " << step);
            check_same_step(step_of(task, step), step_of(expected, step), step);
        }
        save(task, device_state);
    }
    save(expected, cpu_state);
    if constexpr (!on_cpu) {
        INFO("resumed on the other device");
        const lafs::StepResult next = step_of(expected, steps);
        check_same_step(resumed_step<Task>(options, cpu_state), next, steps);
        check_same_step(resumed_step<ReferenceTask>(options, device_state), next, steps);
    }
}

}  // namespace

TEST_CASE("training on devices: supervised steps are those of the CPU", "[train]") {
    const lafs_test::TemporaryFolder folder;
    lafs::FinetuneOptions options;
    set_run(options.run, folder);
    options.clip = 1;
    options.head.scale = 16;
    check_training<lafs::BasicFinetuneTask<float, Device>, lafs::BasicFinetuneTask<Reference>>(options,
                                                                                               folder);
}

TEST_CASE("training on devices: pre-training steps are those of the CPU", "[train]") {
    const lafs_test::TemporaryFolder folder;
    lafs::PretrainOptions options;
    set_run(options.run, folder);
    options.landmarks = folder / "landmarks.safetensors";
    options.local_views = 1;
    options.prototypes = 24;
    options.head_hidden = 20;
    options.bottleneck = 12;
    options.freeze_last_layer = 0;
    lafs::manual_seed(5);
    lafs::LandmarkCnn<float> cnn;
    lafs::save_weights(cnn, options.landmarks);
    check_training<lafs::BasicPretrainTask<float, Device>, lafs::BasicPretrainTask<Reference>>(options,
                                                                                               folder);
}
