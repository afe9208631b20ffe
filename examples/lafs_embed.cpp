// The embeddings of a set of faces, for use in other programs.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <lafs/data/bin_source.hpp>
#include <lafs/data/set_outputs.hpp>
#include <lafs/faces/embed_source.hpp>
#include <lafs/faces/embedding_file.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/report/progress.hpp>

#include "embedder_on_device.hpp"
#include "image_options.hpp"
#include "run_program.hpp"

namespace {

struct Embed {
    std::filesystem::path weights, out, names, labels;
    std::string data;
    lafs::EmbedSourceOptions options;
    lafs::SourceOptions source;
    lafs::DeviceChoice device;
    bool half = false;
    int threads = 0;
};

void write_names(const std::filesystem::path& path, const lafs::FaceSource& source,
                 const lafs::EmbeddedSet& set) {
    lafs::AtomicFile file(path);
    for (const std::int64_t image : set.images)
        file.write(source.name(image) + "\n");
    file.commit();
}

int run(const Embed& embed) {
    auto inputs = lafs::inputs_of_set("--data", embed.data);
    inputs.push_back({"--weights", embed.weights});
    lafs::check_outputs({{"--out", embed.out}, {"--names", embed.names}, {"--labels", embed.labels}}, inputs);
    if (embed.threads > 0)
        lafs::set_threads(embed.threads);
    lafs::EmbeddingFile file(embed.out, embed.half ? lafs::DType::float16 : lafs::DType::float32);
    const auto source = lafs::open_faces(embed.data, embed.source);
    const lafs::FaceEmbedder embedder = open_embedder(embed.device, embed.weights);

    lafs::Progress progress("embed",
                            (source->size() + embed.options.embed.batch - 1) / embed.options.embed.batch);
    const lafs::EmbeddedSet set =
        lafs::embed_source(*source, embedder, embed.options, [&](std::span<const float> rows) {
            file.append(rows);
            progress.advance(embed.options.embed.batch);
        });
    progress.finish();

    std::vector<std::int64_t> labels;
    for (const std::int64_t image : set.images)
        labels.push_back(source->label(image));
    file.save(set.dim, labels,
              {{"format", "lafs embeddings 1"},
               {"mirrored", embed.options.embed.mirrored ? "true" : "false"},
               {"normalised", embed.options.normalise ? "true" : "false"}});
    if (!embed.labels.empty())
        lafs::write_npy(embed.labels, {static_cast<std::int64_t>(labels.size())},
                        std::span<const std::int64_t>(labels));
    if (!embed.names.empty())
        write_names(embed.names, *source, set);

    for (const lafs::DamagedImage& image : set.damaged)
        std::fprintf(stderr, "left out: image %lld, %s: %s\n", static_cast<long long>(image.index),
                     lafs::valid_utf8(image.name).c_str(), lafs::valid_utf8(image.error).c_str());
    std::printf("%zu embeddings of %lld values in %s, %zu damaged images left out\n", set.images.size(),
                static_cast<long long>(set.dim), embed.out.c_str(), set.damaged.size());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Writes the embedding of every face of a set, one row each in the set's order. They do not depend on "
        "--batch "
        "and --threads."};
    app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    Embed embed;
    app.add_option("--weights", embed.weights, "Weights of a recogniser (.safetensors or .pth)")->required();
    app.add_option(
           "--data", embed.data,
           "Faces, aligned to 112 x 112: a folder root/<identity>/<image>, a record file (train.rec) or "
           "its folder, a verification set (.bin; its labels are the numbers of the pairs), or "
           "synthetic:ids=200,images=20[,seed=..]")
        ->required();
    app.add_flag("--recursive", embed.source.recursive,
                 "Take the images in folders of an identity's folder, too");
    add_image_options(app);
    app.add_option("--out", embed.out,
                   "File for the embeddings, (N, D): .npy, or .safetensors, which holds the labels as well")
        ->required();
    app.add_option("--names", embed.names, "Write the names of the rows' images to this file, one a line");
    app.add_option("--labels", embed.labels,
                   "Write the rows' labels (number of the identity) to this .npy file");
    app.add_flag("--flip", embed.options.embed.mirrored,
                 "Add the embeddings of image and mirror image, as in verification");
    app.add_flag("--normalise", embed.options.normalise, "Scale every embedding to length 1");
    app.add_flag("--half", embed.half, "Write float16 instead of float32");
    app.add_option("--batch", embed.options.embed.batch, "Images at a time")->check(CLI::Range(1, 65536));
    app.add_option("--threads", embed.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
    add_device_option(app, embed.device);
    app.add_flag("--skip-damaged", embed.options.skip_damaged,
                 "Leave out images that cannot be read, and name them, instead of stopping");
    return run_program(app, argc, argv, [&] { return run(embed); });
}
