#include <lafs/faces/face_model.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using Shape = std::vector<std::int64_t>;

namespace {

const std::string layers = "transformer.layers.";

/// The shapes of a grid model: width 8, depth 2, one head of 64, hidden 16, 5 tokens, patches of 2 x 2.
std::map<std::string, Shape> grid_shapes() {
    std::map<std::string, Shape> shapes = {
        {"pos_embedding", {1, 6, 8}},     {"cls_token", {1, 1, 8}},   {"patch_to_embedding.weight", {8, 12}},
        {"patch_to_embedding.bias", {8}}, {"mlp_head.0.weight", {8}}, {"mlp_head.0.bias", {8}}};
    for (const char* layer : {"0", "1"}) {
        const std::string block = layers + layer;
        shapes[block + ".0.fn.norm.weight"] = shapes[block + ".0.fn.norm.bias"] = {8};
        shapes[block + ".0.fn.fn.to_qkv.weight"] = {192, 8};
        shapes[block + ".0.fn.fn.to_out.0.weight"] = {8, 64};
        shapes[block + ".0.fn.fn.to_out.0.bias"] = {8};
        shapes[block + ".1.fn.norm.weight"] = shapes[block + ".1.fn.norm.bias"] = {8};
        shapes[block + ".1.fn.fn.net.0.weight"] = {16, 8};
        shapes[block + ".1.fn.fn.net.0.bias"] = {16};
        shapes[block + ".1.fn.fn.net.3.weight"] = {8, 16};
        shapes[block + ".1.fn.fn.net.3.bias"] = {8};
    }
    return shapes;
}

/// A file of zeros with these shapes.
lafs::WeightsFile file_of(const std::filesystem::path& path, const std::map<std::string, Shape>& shapes,
                          const std::map<std::string, std::string>& metadata = {}) {
    lafs::SafetensorsWriter writer;
    for (const auto& [key, value] : metadata)
        writer.metadata(key, value);
    for (const auto& [name, shape] : shapes) {
        std::size_t size = 1;
        for (const std::int64_t axis : shape)
            size *= static_cast<std::size_t>(axis);
        writer.add(name, shape, std::vector<float>(size));
    }
    writer.save(path);
    return lafs::open_weights(path);
}

lafs::ModelSpec model_in(const lafs::WeightsFile& file, std::int64_t heads = 0) {
    return lafs::model_of(file, lafs::find_weights(file.names(), file.path().string()), heads);
}

}  // namespace

TEST_CASE("the architecture is read from the shapes", "[train]") {
    TemporaryFolder folder;
    auto shapes = grid_shapes();
    const auto spec = model_in(file_of(folder / "x", shapes));
    CHECK(!spec.landmarks);
    CHECK(spec.vit.width == 8);
    CHECK(spec.vit.depth == 2);
    CHECK(spec.vit.heads == 1);
    CHECK(spec.vit.head_width == 64);
    CHECK(spec.vit.hidden == 16);
    CHECK(spec.vit.tokens == 5);
    CHECK(spec.vit.patch == 2);
    CHECK(lafs::is_usual(spec.pixels));
    CHECK(lafs::model_text(spec) == "grid-base:width=8,depth=2,heads=1,hidden=16,tokens=5,patch=2");
    lafs::FaceModel<float> model(spec);
    for (const auto& [name, parameter] : model.parameters()) {
        const auto sizes = parameter.value().shape().sizes();
        INFO(name);
        CHECK(Shape(sizes.begin(), sizes.end()) == shapes.at(name));
        shapes.erase(name);
    }
    CHECK(shapes.empty());
}

TEST_CASE("heads that are not 64 wide are said", "[train]") {
    TemporaryFolder folder;
    auto shapes = grid_shapes();
    const auto four = model_in(file_of(folder / "x", shapes), 4);
    CHECK(four.vit.heads == 4);
    CHECK(four.vit.head_width == 16);
    const std::string text = lafs::model_text(four);
    CHECK(text == "grid-base:width=8,depth=2,heads=4,hidden=16,tokens=5,head_width=16,patch=2");
    CHECK(lafs::model_text(lafs::parse_model(text)) == text);
    check_contains(message_of([&] { model_in(file_of(folder / "x", shapes), 5); }),
                   "got 5 heads, expected a divisor of their width together, 64");
    for (const char* layer : {"0", "1"}) {
        shapes[layers + layer + ".0.fn.fn.to_qkv.weight"] = {96, 8};
        shapes[layers + layer + ".0.fn.fn.to_out.0.weight"] = {8, 32};
    }
    const auto narrow = file_of(folder / "y", shapes);
    check_contains(message_of([&] { model_in(narrow); }),
                   "the heads are 32 wide together, which is no multiple of 64");
    check_contains(message_of([&] { model_in(narrow); }), "lafs_convert --heads");
    CHECK(model_in(narrow, 2).vit.head_width == 16);
}

TEST_CASE("metadata of this library states the heads and must agree with the shapes", "[train]") {
    TemporaryFolder folder;
    const auto stated = [&](const std::string& model, const std::string& format = "lafs weights 1") {
        return file_of(folder / "x", grid_shapes(), {{"format", format}, {"model", model}});
    };
    const std::string four = "grid-base:width=8,depth=2,heads=4,hidden=16,tokens=5,head_width=16,patch=2";
    CHECK(model_in(stated(four)).vit.heads == 4);
    CHECK(model_in(stated(four), 2).vit.heads == 2);
    CHECK(model_in(stated("ViT-B", "pt")).vit.heads == 1);  // somebody else's metadata
    check_contains(message_of([&] { model_in(stated("grid-base")); }),
                   "says that it holds grid-base:width=768,depth=12,heads=11,hidden=2048,tokens=196, but its "
                   "tensors are "
                   "those of grid-base:width=8");
    check_contains(
        message_of([&] { model_in(stated("base:width=8,depth=2,heads=1,hidden=16,tokens=5,patch=2")); }),
        "says that it holds base:");
    check_contains(message_of([&] { model_in(stated("huge")); }), "got \"huge\"");
}

TEST_CASE("a landmark CNN makes a Part fViT and must fit it", "[train]") {
    TemporaryFolder folder;
    auto shapes = grid_shapes();
    shapes["output_layer.1.weight"] = {10, 160};
    CHECK(model_in(file_of(folder / "x", shapes)).landmarks);
    shapes["output_layer.1.weight"] = {12, 160};
    check_contains(message_of([&] { model_in(file_of(folder / "x", shapes)); }),
                   "the landmark CNN finds 6 points, the transformer has 5 positions");
    shapes["output_layer.1.weight"] = {11, 160};
    check_contains(message_of([&] { model_in(file_of(folder / "x", shapes)); }), "has 11 rows (x, y)");
    shapes.erase("output_layer.1.weight");
    shapes["stn.features.0.0.weight"] = {16, 3, 3, 3};
    check_contains(message_of([&] { model_in(file_of(folder / "x", shapes)); }),
                   "it lacks output_layer.1.weight");
}

TEST_CASE("what is no face model is explained", "[train]") {
    TemporaryFolder folder;
    const auto refusal = [&](const char* name, const Shape& shape) {
        auto shapes = grid_shapes();
        shapes[name] = shape;
        return message_of([&] { model_in(file_of(folder / "x", shapes)); });
    };
    check_contains(refusal("patch_to_embedding.weight", {8, 16}), "takes 16 values, expected 3 p p");
    check_contains(refusal("patch_to_embedding.weight", {8, 3, 2, 2}),
                   "has shape (8, 3, 2, 2), expected 2 axes");
    check_contains(refusal("pos_embedding", {6, 8}), "pos_embedding has shape (6, 8), expected 3 axes");
    check_contains(refusal("pos_embedding", {1, 1, 8}), "pos_embedding has one position");
    check_contains(refusal("pos_embedding", {1, 0, 8}), "none empty");
    check_contains(refusal("transformer.layers.0.0.fn.fn.to_qkv.weight", {193, 8}),
                   "expected a multiple of 3");

    lafs::LandmarkCnn<float> cnn(lafs::LandmarkCnnConfig{4, 112});
    lafs::save_weights(cnn, folder / "landmarks");
    check_contains(message_of([&] { lafs::load_face_model(folder / "landmarks"); }),
                   "holds a landmark CNN alone");
    check_contains(message_of([&] {
                       model_in(file_of(folder / "x", {{"fc.weight", {2, 2}}}));
                   }),
                   "holds no IResNet or MobileFaceNet, and no fViT or Part fViT transformer: it lacks "
                   "pos_embedding, cls_token");
    check_contains(message_of([&] { model_in(file_of(folder / "x", {})); }), "it has no tensors");
}

TEST_CASE("a small file cannot ask for a large model", "[train]") {
    TemporaryFolder folder;
    auto shapes = grid_shapes();
    shapes[layers + "0.1.fn.fn.net.0.weight"] = {10'000, 8};
    for (int i = 2; i < 3000; ++i)
        shapes[layers + std::to_string(i) + ".0.fn.fn.to_qkv.weight"] = {0};
    check_contains(message_of([&] { model_in(file_of(folder / "x", shapes)); }), "cannot hold the");
}

TEST_CASE("files of other people end in a message", "[train]") {
    const auto root = lafs_test::shared("data/checkpoints");
    if (!root)
        return;
    const auto message = [&](const char* name) {
        return message_of([&] { lafs::load_face_model(*root / name); });
    };
    check_contains(message("vit_small.pth"), "no fViT or Part fViT transformer: it lacks pos_embedding");
    check_contains(message("vit_small.pth"), "it has blocks.0.mhsa.k_mappings.0.bias");
    check_contains(message("vit_mnist.pth"),
                   "vit_mnist.pth holds no face model: patch_to_embedding.weight takes 49 values");
    check_contains(message("mlp.safetensors"), "it has layers.0.weight, layers.2.weight");
    check_contains(message("whole_pickled_model.pt"), "whole pickled model");
    check_contains(message("legacy_not_zip.pt"), "PyTorch before 1.6");
}

TEST_CASE("the size of images is stated, or that of a square grid, or 112", "[train]") {
    TemporaryFolder folder;
    auto shapes = grid_shapes();
    CHECK(model_in(file_of(folder / "a", shapes)).vit.image_size == 112);  // 5 patches are no square
    shapes["pos_embedding"] = {1, 10, 8};
    CHECK(model_in(file_of(folder / "b", shapes)).vit.image_size == 6);  // 3 x 3 patches of 2 x 2
    const auto stated = [&](const std::string& model) {
        const auto file = file_of(folder / "c", shapes, {{"format", "lafs weights 1"}, {"model", model}});
        return lafs::model_text(model_in(file));
    };
    const std::string plain = "grid-base:width=8,depth=2,heads=1,hidden=16,tokens=9,patch=2";
    CHECK(stated(plain) == plain);
    CHECK(stated(plain + ",image=6") == plain + ",image=6");
    CHECK(stated(plain + ",image=4") == plain + ",image=4");
}
