#include <lafs/faces/face_model.hpp>
#include <lafs/nn/deep_copy.hpp>
#include <lafs/nn/hooks.hpp>
#include <lafs/nn/summary.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using Tensor = lafs::Tensor<float>;

namespace {

Tensor random_images() {
    Tensor images = Tensor::empty({2, 3, 112, 112});
    lafs::fill_uniform(images, -1.0, 1.0);
    return images;
}

/// All tensors of a file as safetensors, without the first letters of their names.
void copy_without(const lafs::WeightsFile& file, const std::string& prefix,
                  const std::filesystem::path& path) {
    lafs::SafetensorsWriter writer;
    for (const std::string& name : file.names()) {
        REQUIRE(name.starts_with(prefix));
        const lafs::WeightsInfo info = file.info(name);
        if (lafs::is_floating(info.dtype))
            writer.add(name.substr(prefix.size()), info.shape, file.read<float>(name));
        else
            writer.add(name.substr(prefix.size()), info.shape, file.read<std::int64_t>(name));
    }
    writer.save(path);
}

/// Checks a model's parameters, buffers and counters with those of a file, and counts them.
std::size_t compare(lafs::Module<float>& model, const lafs::SafetensorsFile& file,
                    const std::string& prefix) {
    std::size_t found = 0;
    lafs::FunctionVisitor<float, lafs::Cpu> visitor;
    const auto check = [&](const std::string& name, const Tensor& tensor) {
        if (!file.contains(prefix + name))
            return;
        INFO(name);
        CHECK(tensor.to_vector() == file.read<float>(prefix + name));
        ++found;
    };
    visitor.on_parameter = [&](const std::string& name, auto& variable) { check(name, variable.value()); };
    visitor.on_buffer = check;
    visitor.on_counter = [&](const std::string& name, std::int64_t& value) {
        if (!file.contains(prefix + name))
            return;
        CHECK(file.read<std::int64_t>(prefix + name).at(0) == value);
        ++found;
    };
    model.visit_as(visitor, "");
    return found;
}

}  // namespace

TEST_CASE("a published recogniser loads with no option", "[train]") {
    const auto root = lafs_test::shared("reference");
    if (!root)
        return;
    lafs::WeightsReport report;
    auto model = lafs::load_face_model(*root / "12_part_fvit.pth", {}, &report);
    const auto expected = lafs::SafetensorsFile::open(*root / "12_part_fvit_expected.safetensors");
    CHECK(compare(model, expected, "module.") == expected.names().size() - 1);  // but for loss.weight
    CHECK(report.complete());
    CHECK(report.left_over == std::vector<std::string>{"loss.weight"});

    // The file has whole numbers for the batches seen; the model takes them as they are.
    const auto file = lafs::open_weights(*root / "12_part_fvit.pth");
    const std::string counter = "stn.features.0.1.num_batches_tracked";
    CHECK(file.info("module." + counter).dtype == lafs::DType::int64);
    CHECK(model.part().landmark_cnn.stn.stem_norm.batches ==
          file.read<std::int64_t>("module." + counter).at(0));

    TemporaryFolder folder;
    copy_without(file, "module.", folder / "same.safetensors");
    auto same = lafs::load_face_model(folder / "same.safetensors");
    const Tensor images = random_images();
    const auto embeddings = model.embed(images).to_vector();
    CHECK(embeddings == same.embed(images).to_vector());
    CHECK(embeddings != lafs::FaceModel<float>(model.spec()).embed(images).to_vector());
}

TEST_CASE("a published pre-training checkpoint gives its teacher, or its student", "[train]") {
    const auto root = lafs_test::shared("reference");
    if (!root)
        return;
    const auto path = *root / "11_lafs_checkpoint.pth";
    const auto expected = lafs::SafetensorsFile::open(*root / "11_lafs_checkpoint_expected.safetensors");
    lafs::WeightsReport report;
    auto teacher = lafs::load_face_model(path, {}, &report);
    CHECK(report.part == "teacher");
    CHECK(report.left_over.size() == 8);  // the head of DINO
    CHECK(report.elsewhere.contains("optimizer"));
    CHECK(report.text().find("no landmark CNN") != std::string::npos);
    CHECK(compare(teacher, expected, "teacher.backbone.") > 10);
    auto student = lafs::load_face_model(path, {"student", 0});
    CHECK(compare(student, expected, "student.module.backbone.") > 10);

    // The transformer of a recogniser that will be trained; its landmark CNN stays as it is.
    lafs::FaceModel<float> model(lafs::parse_model("base:width=64,depth=2,heads=3,hidden=128"));
    const auto landmarks = model.part().landmark_cnn.output_layer.linear.weight.value().to_vector();
    const auto transformer = [](const std::string& name) { return !lafs::is_landmark_name(name); };
    const auto initial = lafs::load_for_training(model, path, transformer);
    CHECK(initial.loaded.size() == 28);
    CHECK(compare(model, expected, "teacher.backbone.") > 10);
    CHECK(model.part().landmark_cnn.output_layer.linear.weight.value().to_vector() == landmarks);

    lafs::FaceModel<float> wider(lafs::parse_model("base:width=96,depth=2,heads=3,hidden=128"));
    const std::string message = message_of([&] { lafs::load_for_training(wider, path, transformer); });
    CHECK(message.find("cls_token (1, 1, 64), expected (1, 1, 96)") != std::string::npos);
    CHECK(message.find("the file holds the model grid-base:width=64,depth=2,heads=3,hidden=128,tokens=196") !=
          std::string::npos);
}

TEST_CASE("a model of other pixels converts its images itself", "[train]") {
    TemporaryFolder folder;
    lafs::FaceModel<float> model(lafs::parse_model("grid-tiny:depth=1,width=16,heads=1,hidden=16"));
    auto metadata = lafs::model_metadata(model.spec());
    CHECK(metadata.at("architecture") == "fvit");
    CHECK(metadata.at("colour_order") == "RGB");
    CHECK(metadata.at("normalisation") == "(x / 255 - 0.5) / 0.5");
    metadata["colour_order"] = "BGR";
    metadata["normalisation"] = "(x / 255 - 0) / 0.25";
    lafs::save_weights(model, folder / "x", metadata);
    lafs::WeightsReport report;
    auto other = lafs::load_face_model(folder / "x", {}, &report);
    CHECK(other.spec().pixels.order == lafs::ColourOrder::bgr);
    CHECK(report.text().find("on BGR, (x / 255 - 0) / 0.25") != std::string::npos);

    // By hand: blue first, bytes / 255 / 0.25 = (x / 2 + 1 / 2) * 4.
    const Tensor images = random_images();
    std::vector<float> converted = images.to_vector();
    const std::size_t plane = 112 * 112;
    for (std::size_t i = 0; i < converted.size(); ++i) {
        const std::size_t colour = i / plane % 3, from = i + 2 * plane - 2 * colour * plane;
        converted[i] = 2.0f * images.data()[from] + 2.0f;
    }
    const auto expected = model.embed(Tensor::from(images.shape(), converted)).to_vector();
    const auto got = other.embed(images).to_vector();
    for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(got[i] == Approx(expected[i]).margin(1e-5));

    const std::string message = message_of([&] { lafs::load_for_training(model, folder / "x"); });
    CHECK(message.find("was trained on BGR, (x / 255 - 0) / 0.25, expected what training here uses: RGB") !=
          std::string::npos);
}

TEST_CASE("what metadata say of pixels is checked", "[train]") {
    const auto parsed = [](const std::string& key, const std::string& value) {
        return message_of([&] { lafs::parse_pixels({{key, value}}, "some.file"); });
    };
    CHECK(lafs::is_usual(lafs::parse_pixels({}, "f")));
    CHECK(lafs::is_usual(lafs::parse_pixels({{"normalisation", "(x / 255 - 0.5) / 0.5"}}, "f")));
    const auto format = lafs::parse_pixels({{"normalisation", "(x / 255 - -0.25) / 1"}}, "f");
    CHECK(format.mean == -0.25f);
    CHECK(format.deviation == 1.0f);
    CHECK(lafs::normalisation_text(format) == "(x / 255 - -0.25) / 1");
    CHECK(parsed("colour_order", "rgb") ==
          "[load_weights] some.file: got colour order \"rgb\", expected RGB or BGR");
    for (const char* text : {"", "0.5", "(x / 255 - 0.5) / 0", "(x / 255 - 0.5) / 0.5 ",
                             "(x / 255 - nan) / 1", "(x / 255 - ) / 1", "(x / 255 - 1e9) / 1"})
        CHECK(parsed("normalisation", text).find("expected a text such as") != std::string::npos);
}

TEST_CASE("a recogniser is copied deeply, shows its embeddings to hooks, and refuses other sizes",
          "[train]") {
    lafs::manual_seed(1);
    for (const char* name : {"tiny:depth=1,width=16,heads=1,hidden=16,image=32,landmarks=4",
                             "grid-tiny:depth=1,width=16,heads=1,hidden=16,image=32",
                             "iresnet18:blocks=1-1-1-1,width=2,features=16,image=32",
                             "mobilefacenet:width=2,features=16,image=32"}) {
        lafs::FaceModel<float> model(lafs::parse_model(name));
        auto copy = lafs::deep_copy(model);
        const auto images = lafs::Tensor<float>::full({2, 3, 32, 32}, 0.25f);
        const auto expected = model.embed(images).to_vector();
        CHECK(copy.embed(images).to_vector() == expected);
        auto bias = model.parameters().back().second.value();
        bias += 1;
        CHECK(model.embed(images).to_vector() != expected);
        CHECK(copy.embed(images).to_vector() == expected);
        lafs::Tensor<float> seen;
        const auto hook =
            lafs::on_output(copy, "", [&](const lafs::Variable<float>& y) { seen = y.value(); });
        copy.embed(images);
        CHECK(seen.to_vector() == expected);
        CHECK(lafs::summary(copy, images).layers[0].output == lafs::Shape{2, 16});
        CHECK_THROWS_AS(copy.embed(lafs::Tensor<float>::zeros({1, 3, 112, 112})), lafs::Error);
        CHECK_THROWS_AS(lafs::FaceModel<float>(model), lafs::Error);
    }
}
