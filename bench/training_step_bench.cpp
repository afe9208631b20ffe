// Whole training steps: images per second, and the largest memory that tensors took.
//
// The limit is the floating-point work of the matrix products over their measured rate (gemm_bench).
#include <benchmark/benchmark.h>

#include <lafs/losses/cosface.hpp>
#include <lafs/train/pretrain.hpp>

namespace {

using lafs::Tensor, lafs::Variable;

void report(benchmark::State& state, std::int64_t images) {
    state.counters["images/s"] =
        benchmark::Counter(static_cast<double>(images), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["peak MB"] = static_cast<double>(lafs::pool<lafs::Cpu>().statistics().peak_bytes) * 1e-6;
}

/// Pre-training from images on, as `lafs_pretrain` runs it:
/// views, landmark CNN, student, teacher, loss, update.
void pretraining_step(benchmark::State& state, const char* model, std::int64_t batch,
                      std::int64_t prototypes) {
    const auto folder = std::filesystem::temp_directory_path() / "lafs-bench";
    std::filesystem::create_directories(folder);
    lafs::PretrainOptions options;
    options.run.out = folder;
    options.run.data = "synthetic:ids=8,images=4";
    options.run.model = model;
    options.run.epochs = 1000;
    options.run.batch = batch;
    options.landmarks = folder / "landmarks.safetensors";
    options.prototypes = prototypes;
    options.freeze_last_layer = 0;
    {
        lafs::LandmarkCnn<float> cnn;
        lafs::save_weights(cnn, options.landmarks);
    }
    lafs::PretrainTask task(options);
    lafs::pool<lafs::Cpu>().reset_peak();
    std::int64_t step = 0;
    for (auto _ : state) {
        lafs::default_generator() = {1, static_cast<std::uint64_t>(step) << 24};
        benchmark::DoNotOptimize(task.train_step(step++).loss);
    }
    report(state, batch);
    std::filesystem::remove_all(folder);
}

/// Supervised training of Part fViT from tensors on.
void supervised_step(benchmark::State& state, const char* model, std::int64_t batch) {
    lafs::FaceModel<float> network(lafs::parse_model(model));
    lafs::CosFace<float> head(network.width(), 150);
    auto parameters = network.parameters();
    parameters.emplace_back("loss.weight", head.weight);
    const auto depth = static_cast<int>(network.spec().vit.depth);
    lafs::AdamW<float> optimizer(lafs::layer_decay_groups(parameters, depth, 1.0));
    const auto images = Tensor<float>::full({batch, 3, 112, 112}, 0.1f);
    auto labels = Tensor<std::int64_t>::empty({batch});
    for (std::int64_t i = 0; i < batch; ++i)
        labels.data()[i] = i % 150;
    lafs::pool<lafs::Cpu>().reset_peak();
    for (auto _ : state) {
        optimizer.zero_grad();
        head.loss(network.forward(Variable<float>(images)), labels).backward();
        optimizer.step(1e-4, 0.1);
    }
    report(state, batch);
}

BENCHMARK_CAPTURE(pretraining_step, tiny_batch32, "tiny", 32, 4096)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(pretraining_step, base_batch4_100000, "base", 4, 100000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(3);
BENCHMARK_CAPTURE(supervised_step, tiny_batch32, "tiny", 32)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(supervised_step, base_batch4, "base", 4)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
