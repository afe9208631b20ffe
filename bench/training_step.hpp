// Whole training steps, for any device: images per second, and the largest memory that tensors took.
//
// The limit is the floating-point work of the matrix products over their measured rate (square_product of backends_bench).
#pragma once

#include <benchmark/benchmark.h>

#include <lafs/losses/cosface.hpp>
#include <lafs/train/pretrain.hpp>
#include <string>

namespace lafs_bench {

using lafs::Tensor, lafs::Variable;

template <class D>
void report(benchmark::State& state, std::int64_t images) {
    state.counters["images/s"] =
        benchmark::Counter(static_cast<double>(images), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["peak MB"] = static_cast<double>(lafs::pool<D>().statistics().peak_bytes) * 1e-6;
}

/// Pre-training from images on, as `lafs_pretrain` runs it:
/// views, landmark CNN, student, teacher, loss, update.
template <class D>
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
    lafs::BasicPretrainTask<float, D> task(options);
    lafs::pool<D>().reset_peak();
    std::int64_t step = 0;
    for (auto _ : state) {
        lafs::default_generator() = {1, static_cast<std::uint64_t>(step) << 24};
        benchmark::DoNotOptimize(task.train_step(step++).loss);
    }
    report<D>(state, batch);
    std::filesystem::remove_all(folder);
}

/// Supervised training of Part fViT from tensors on.
template <class D>
void supervised_step(benchmark::State& state, const char* model, std::int64_t batch) {
    lafs::FaceModel<float, D> network(lafs::parse_model(model));
    lafs::CosFace<float, D> head(network.width(), 150);
    auto parameters = network.parameters();
    parameters.emplace_back("loss.weight", head.weight);
    const auto depth = static_cast<int>(network.spec().vit.depth);
    lafs::AdamW<float, D> optimizer(lafs::layer_decay_groups(parameters, depth, 1.0));
    const Variable<float, D> images(Tensor<float, D>::full({batch, 3, 112, 112}, 0.1f));
    std::vector<std::int64_t> classes(static_cast<std::size_t>(batch));
    for (std::size_t i = 0; i < classes.size(); ++i)
        classes[i] = static_cast<std::int64_t>(i % 150);
    const auto labels = Tensor<std::int64_t, D>::from({batch}, classes);
    lafs::pool<D>().reset_peak();
    for (auto _ : state) {
        optimizer.zero_grad();
        const Variable<float, D> loss = head.loss(network.forward(images), labels);
        loss.backward();
        optimizer.step(1e-4, 0.1);
        benchmark::DoNotOptimize(loss.item());  // waits for the device
    }
    report<D>(state, batch);
}

/// Registers both steps at a size; true.
template <class D>
bool register_steps(const std::string& model, std::int64_t batch, std::int64_t prototypes) {
    const std::string size = model + "/" + std::to_string(batch);
    benchmark::RegisterBenchmark(
        ("pretraining_step/" + size + "/" + std::to_string(prototypes)).c_str(),
        [=](benchmark::State& state) { pretraining_step<D>(state, model.c_str(), batch, prototypes); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
    benchmark::RegisterBenchmark(
        ("supervised_step/" + size).c_str(),
        [=](benchmark::State& state) { supervised_step<D>(state, model.c_str(), batch); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
    return true;
}

}  // namespace lafs_bench
