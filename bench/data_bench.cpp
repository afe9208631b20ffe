// What one core does with the images of a training set: records read and decoded, faces prepared for
// stage 3, the ten views of LAFS, and what comes out of a loader with one worker or one on every core.
//
// The set is a record file of synthetic faces. LAFS_BENCH_RECORDS names it, so that others can measure on the
// same file (peers/augmentation.py); it is written if it is not there.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <lafs/data/loader.hpp>
#include <lafs/data/record_tools/pack.hpp>
#include <lafs/train/finetune.hpp>
#include <lafs/train/view_batches.hpp>
#include <memory>

namespace {

/// Packs synthetic faces as JPEG of quality 95.
void write_records(const std::filesystem::path& path) {
    const lafs::SyntheticFaces faces(16, 16);
    lafs::RecordSetWriter writer(path, static_cast<std::uint64_t>(faces.size()),
                                 static_cast<std::uint64_t>(faces.identities()), lafs::Overwrite::refuse);
    for (std::int64_t i = 0; i < faces.size(); ++i) {
        const auto bytes = lafs::encode_jpeg(faces.image(i));
        lafs::ImageRecord record;
        record.image = bytes;
        writer.add(static_cast<std::uint64_t>(faces.label(i)), record);
    }
    writer.commit({faces.identities(), lafs::face_size, lafs::face_size, faces.size()});
}

const std::shared_ptr<const lafs::RecordSource>& records() {
    static const std::shared_ptr<const lafs::RecordSource> source = [] {
        if (const char* given = std::getenv("LAFS_BENCH_RECORDS")) {
            if (!std::filesystem::exists(given))
                write_records(given);
            return std::make_shared<const lafs::RecordSource>(given);
        }
        const auto folder = std::filesystem::temp_directory_path() / "lafs-data-bench";
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
        write_records(folder / "train.rec");
        auto opened = std::make_shared<const lafs::RecordSource>(folder / "train.rec");
        std::filesystem::remove_all(folder);  // the file stays as long as it is mapped
        return opened;
    }();
    return source;
}

void report(benchmark::State& state, const char* what, std::int64_t count) {
    state.counters[what] =
        benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate);
}

/// Calls each(image index, number of the call) for one image an iteration, alone on its core.
template <class Each>
void for_images(benchmark::State& state, const char* what, std::int64_t count, const Each& each) {
    const lafs::SerialLoops serial;
    const std::int64_t size = records()->size();
    std::int64_t call = 0;
    for (auto _ : state) {
        each(call % size, static_cast<std::uint64_t>(call));
        ++call;
    }
    report(state, what, count);
}

lafs::FaceAugmentation published() {
    lafs::FinetuneOptions options;
    lafs::use_augmentation(options, "webface");
    return options.augmentation;
}

void read_records(benchmark::State& state) {
    for_images(state, "images/s", 1,
               [](std::int64_t i, std::uint64_t) { benchmark::DoNotOptimize(records()->encoded(i)); });
}

void decode_records(benchmark::State& state) {
    for_images(state, "images/s", 1,
               [](std::int64_t i, std::uint64_t) { benchmark::DoNotOptimize(records()->image(i)); });
}

/// Records to (3, 112, 112) normalised floats, augmented or not.
void network_input(benchmark::State& state, const lafs::FaceAugmentation& augmentation) {
    std::vector<float> planes(3 * lafs::face_size * lafs::face_size);
    for_images(state, "images/s", 1, [&](std::int64_t i, std::uint64_t call) {
        lafs::RandomSequence random(1, call);
        lafs::prepare_face(records()->image(i), augmentation, random, planes);
        benchmark::DoNotOptimize(planes.data());
    });
}

/// Records to the clean and the augmented picture of ten views, normalised.
void ten_views(benchmark::State& state) {
    const lafs::MultiCrop crops;
    std::vector<float> values(2 * 3 * lafs::face_size * lafs::face_size *
                              static_cast<std::size_t>(crops.view_count()));
    std::vector<lafs::ViewPlanes> planes;
    const std::size_t size = 3 * lafs::face_size * lafs::face_size;
    for (std::size_t at = 0; at < values.size(); at += 2 * size)
        planes.push_back({std::span(values).subspan(at, size), std::span(values).subspan(at + size, size)});
    for_images(state, "views/s", crops.view_count(), [&](std::int64_t i, std::uint64_t call) {
        lafs::RandomSequence random(1, call);
        crops.write_views(records()->image(i), random, planes);
        benchmark::DoNotOptimize(values.data());
    });
}

/// Batches of stage 3 or of ten views that the workers make, taken as fast as they come.
template <class Maker>
void load(benchmark::State& state, const Maker& maker, std::int64_t batch, int workers) {
    lafs::Loader<Maker> loader(maker, workers, std::int64_t{1} << 40);
    std::int64_t step = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(loader.get(step++));
    report(state, "images/s", batch);
}

void load_stage3(benchmark::State& state, int workers) {
    load(state,
         lafs::FaceBatches(records(), lafs::EpochSampler(records()->size(), 32, 1), published(), 1, 1, false),
         32, workers);
}
void load_ten_views(benchmark::State& state, int workers) {
    load(state,
         lafs::ViewBatches(records(), lafs::EpochSampler(records()->size(), 16, 1), lafs::MultiCrop(), 1,
                           false),
         16, workers);
}

/// One worker; time is that of all threads together.
void loader_stage3(benchmark::State& state) {
    load_stage3(state, 1);
}
void loader_ten_views(benchmark::State& state) {
    load_ten_views(state, 1);
}

/// A worker on every core; time is the clock's.
void all_cores_stage3(benchmark::State& state) {
    load_stage3(state, lafs::available_cores());
}
void all_cores_ten_views(benchmark::State& state) {
    load_ten_views(state, lafs::available_cores());
}

BENCHMARK(read_records);
BENCHMARK(decode_records)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(network_input, plain, lafs::FaceAugmentation{.flip = false})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(network_input, stage3, published())->Unit(benchmark::kMicrosecond);
BENCHMARK(ten_views)->Unit(benchmark::kMicrosecond);
BENCHMARK(loader_stage3)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(loader_ten_views)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(all_cores_stage3)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(all_cores_ten_views)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
