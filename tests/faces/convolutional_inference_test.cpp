// IResNet and MobileFaceNet from their files: published names with no option, wrappers, both kinds of files; what is
// damaged or of another network.
#include <lafs/faces/convert_weights.hpp>
#include <lafs/faces/face_model.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using Shape = std::vector<std::int64_t>;

namespace {

const std::string small_iresnet = "iresnet50:blocks=1-2-1-1,width=4,features=8,image=32";
const std::string small_mobilefacenet = "mobilefacenet:blocks=1-1-2-1,width=4,features=8,image=32";
const std::string small_large = "mobilefacenet:blocks=2-1-1-1,scale=3,width=4,features=8,image=48";

/// A model's tensors under "prefix + name", without metadata, as arcface_torch saves them; `change` may change shapes or
/// leave out (returning false).
template <class Change>
void save_published(lafs::FaceModel<float>& model, const std::filesystem::path& path,
                    const std::string& prefix, const Change& change) {
    lafs::SafetensorsWriter writer;
    const auto add = [&](const std::string& name, const lafs::Tensor<float>& tensor) {
        const auto sizes = tensor.shape().sizes();
        Shape shape(sizes.begin(), sizes.end());
        if (!change(name, shape))
            return;
        std::size_t size = 1;
        for (const std::int64_t axis : shape)
            size *= static_cast<std::size_t>(axis);
        auto values = tensor.to_vector();
        values.resize(size);
        writer.add(prefix + name, shape, std::move(values));
    };
    for (const auto& [name, parameter] : model.parameters())
        add(name, parameter.value());
    for (const auto& [name, buffer] : model.buffers())
        add(name, buffer);
    writer.save(path);
}

bool unchanged(const std::string&, const Shape&) {
    return true;
}

}  // namespace

TEST_CASE("convolutional models load with no option", "[train]") {
    lafs::manual_seed(1);
    for (const std::string& text : {small_iresnet, small_mobilefacenet, small_large}) {
        const TemporaryFolder folder;
        lafs::FaceModel<float> model(lafs::parse_model(text));
        const std::int64_t side = model.spec().image_size();
        auto images = lafs::Tensor<float>::empty({2, 3, side, side});
        lafs::fill_uniform(images, -1.0, 1.0);
        const auto expected = model.embed(images).to_vector();
        for (const char* prefix : {"", "module.", "state_dict_backbone.module."}) {
            save_published(model, folder / "x.safetensors", prefix, unchanged);
            lafs::WeightsReport report;
            auto loaded = lafs::load_face_model(folder / "x.safetensors", {}, &report);
            CHECK(lafs::model_text(loaded.spec()) == text);
            CHECK(loaded.embed(images).to_vector() == expected);
            CHECK(report.complete());
            CHECK(report.left_over.empty());
            CHECK(report.text().find("grid") == std::string::npos);
        }
        // A file of this library, and both ways through lafs_convert.
        lafs::save_weights(model, folder / "own.safetensors", lafs::model_metadata(model.spec()));
        const auto done = lafs::convert_weights(folder / "own.safetensors", folder / "own.pth");
        CHECK(done.model == text);
        CHECK(done.text().find("fViT") == std::string::npos);
        lafs::convert_weights(folder / "own.pth", folder / "again.safetensors");
        for (const char* file : {"own.safetensors", "own.pth", "again.safetensors"})
            CHECK(lafs::load_face_model(folder / file).embed(images).to_vector() == expected);
        CHECK(lafs::open_weights(folder / "again.safetensors").metadata().at("architecture") ==
              text.substr(0, model.spec().network == lafs::Network::iresnet ? 7 : 13));
        CHECK(lafs::load_for_training(model, folder / "own.pth").complete());
    }
}

TEST_CASE("weights that are almost those of a convolutional model", "[train]") {
    const TemporaryFolder folder;
    lafs::FaceModel<float> iresnet(lafs::parse_model(small_iresnet)),
        mobilefacenet(lafs::parse_model(small_mobilefacenet));
    const auto message = [&](auto& model, const auto& change, const lafs::FaceModelOptions& options = {}) {
        save_published(model, folder / "x", "", change);
        return message_of([&] { lafs::load_face_model(folder / "x", options); });
    };
    const auto without = [](const std::string& absent) {
        return [absent](const std::string& name, const Shape&) { return name != absent; };
    };
    const auto reshaped = [](const std::string& of, const Shape& to) {
        return [of, to](const std::string& name, Shape& shape) {
            if (name == of)
                shape = to;
            return true;
        };
    };
    check_contains(message(iresnet, without("fc.weight")), "holds no IResNet: it lacks fc.weight");
    check_contains(message(iresnet, without("layer3.0.bn2.bias")), "1 missing: layer3.0.bn2.bias");
    check_contains(message(iresnet, reshaped("fc.weight", {8, 96})),
                   "takes 3 values a channel, expected a square");
    check_contains(message(iresnet, reshaped("fc.weight", {8, 100})), "expected a multiple of 32");
    check_contains(message(iresnet, reshaped("conv1.weight", {4, 27})), "expected 4 axes");
    check_contains(message(iresnet, reshaped("layer2.1.conv2.weight", {8, 8, 1, 1})),
                   "layer2.1.conv2.weight (8, 8, 1, 1), expected (8, 8, 3, 3)");
    check_contains(message(iresnet, reshaped("conv1.weight", {4000, 1, 1, 1})),
                   "expected a multiple of 32000");
    check_contains(message(iresnet, unchanged, {"", 2}), "got 2 heads, but its model, " + small_iresnet);
    check_contains(message(mobilefacenet, without("features.layers.2.weight")),
                   "holds no MobileFaceNet: it lacks features.layers.2.weight");
    check_contains(message(mobilefacenet, reshaped("conv_sep.layers.0.weight", {31, 16, 1, 1})),
                   "expected a multiple of 8");

    // Blocks that are there in name only, and a model that the metadata contradict.
    save_published(mobilefacenet, folder / "x", "", unchanged);
    lafs::SafetensorsWriter writer;
    const auto file = lafs::open_weights(folder / "x");
    for (const std::string& name : file.names())
        writer.add(name, file.info(name).shape, file.read<float>(name));
    for (int i = 2; i < 900; ++i)
        writer.add("layers.5.layers." + std::to_string(i) + ".layers.0.layers.0.weight", {0},
                   std::vector<float>());
    writer.save(folder / "y");
    check_contains(message_of([&] { lafs::load_face_model(folder / "y"); }), "cannot hold the");
    auto metadata = lafs::model_metadata(lafs::parse_model("iresnet18"));
    lafs::save_weights(iresnet, folder / "z", metadata);
    check_contains(message_of([&] { lafs::load_face_model(folder / "z"); }),
                   "says that it holds iresnet18, but its tensors are those of " + small_iresnet);
    metadata["model"] = "tiny";
    lafs::save_weights(iresnet, folder / "z", metadata);
    check_contains(message_of([&] { lafs::load_face_model(folder / "z"); }), "those of " + small_iresnet);

    check_contains(message_of([&] { iresnet.part(); }), small_iresnet + ", which has no landmark CNN");
    check_contains(message_of([&] { iresnet.transformer(); }), "expected a transformer");
}
