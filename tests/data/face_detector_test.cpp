#include <cmath>
#include <iostream>
#include <lafs/data/face_detector.hpp>
#include <lafs/data/image_codec.hpp>
#include <string>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"
#include "yunet_model.hpp"

using lafs::FaceDetector;
using lafs::FivePoints;
using lafs::Image;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;

namespace {

const FivePoints first{{{20.5, 22}, {38, 21}, {29, 30.25}, {22, 40}, {37, 41}}};
const FivePoints second{{{44, 44}, {54, 43.5}, {49, 50}, {45, 56}, {53, 57}}};

void check_near(const FivePoints& got, const FivePoints& expected, double scale = 1) {
    for (std::size_t k = 0; k < 5; ++k) {
        CHECK(std::abs(got[k].x - ((expected[k].x + 0.5) * scale - 0.5)) < 1e-3 * scale);
        CHECK(std::abs(got[k].y - ((expected[k].y + 0.5) * scale - 0.5)) < 1e-3 * scale);
    }
}

}  // namespace

TEST_CASE("a model's answer becomes five points in the image's pixels", "[data]") {
    if (!lafs_test::reads_yunet_2022) {
        std::cout << "SKIPPED: this OpenCV reads other models\n";
        return;
    }
    const TemporaryFolder folder;
    const auto model = folder / "model.onnx";
    write_text(model, lafs_test::yunet_model({{first, 0.95, 0}, {second, 0.99, 6}}));
    const std::vector<FivePoints> found = FaceDetector(model)(Image(64, 64));
    REQUIRE(found.size() == 2);
    check_near(found[0], second);  // the better score first
    check_near(found[1], first);

    lafs::FaceDetectorOptions options;
    options.score = 0.97;
    CHECK(FaceDetector(model, options)(Image(64, 64)).size() == 1);

    // Larger images are searched smaller; their points are theirs.
    options.score = 0.9;
    options.largest_side = 64;
    const std::vector<FivePoints> large = FaceDetector(model, options)(Image(256, 256));
    REQUIRE(large.size() == 2);
    check_near(large[0], second, 4);

    write_text(model, lafs_test::yunet_model({}));
    CHECK(FaceDetector(model)(Image(64, 64)).empty());
    CHECK_THROWS_AS(FaceDetector(model)(Image()), lafs::Error);
}

TEST_CASE("a model of 2023 or later runs in any OpenCV", "[data]") {
    const TemporaryFolder folder;
    const auto model = folder / "model.onnx";
    write_text(model, lafs_test::yunet_model_2023({{first, 0.95, 4}, {second, 0.99, 10}}));
    const std::vector<FivePoints> found = FaceDetector(model)(Image(64, 64));
    REQUIRE(found.size() == 2);
    check_near(found[0], second);  // the better score first
    check_near(found[1], first);
    lafs::FaceDetectorOptions options;
    options.score = 0.97;
    CHECK(FaceDetector(model, options)(Image(60, 33)).size() == 1);  // padded to 64 x 64
    options.largest_side = 64;
    const std::vector<FivePoints> large = FaceDetector(model, options)(Image(256, 256));
    REQUIRE(large.size() == 1);
    check_near(large[0], second, 4);
    // Outputs of another size than the image has anchors are an error of this image.
    const FaceDetector detector(model);
    CHECK(message_of([&] { detector(Image(128, 64)); }).find("those of 128 anchors") != std::string::npos);
}

TEST_CASE("a current YuNet finds the points that OpenCV 5.0 finds with it", "[data]") {
    const auto model = lafs_test::shared("data/models/face_detection_yunet_2026may.onnx");
    const auto faces = lafs_test::shared("data/celeb112/test/07209");
    if (!model || !faces)
        return;
    // From cv2.FaceDetectorYN of OpenCV 5.0.0.
    const FivePoints expected = {
        {{36.0415, 53.0364}, {72.9128, 53.0347}, {54.0264, 73.4813}, {40.4955, 91.5945}, {70.8780, 89.3132}}};
    const std::vector<FivePoints> found = FaceDetector(*model)(lafs::load_image(*faces / "002993.jpg"));
    REQUIRE(found.size() == 1);
    for (std::size_t k = 0; k < 5; ++k) {
        CHECK(std::abs(found[0][k].x - expected[k].x) < 0.05);
        CHECK(std::abs(found[0][k].y - expected[k].y) < 0.05);
    }
}

TEST_CASE("what is no detection model is refused", "[data]") {
    const TemporaryFolder folder;
    const auto refusal = [&](const std::string& name) {
        return message_of([&] { FaceDetector(folder / name)(Image(64, 64)); });
    };
    const auto contains = [](const std::string& text, const std::string& part) {
        INFO(text << " expected to contain " << part);
        CHECK(text.find(part) != std::string::npos);
    };
    contains(refusal("absent.onnx"), "absent.onnx\", expected an .onnx file");
    write_text(folder / "empty.onnx", "");
    contains(refusal("empty.onnx"), "face_detection_yunet_20");
    write_text(folder / "text.onnx", "this is no model");
    contains(refusal("text.onnx"), "text.onnx cannot be used by OpenCV");
    write_text(folder / "model.bin", "this is no model");
    contains(refusal("model.bin"), "model.bin cannot be used by OpenCV");
    // A model, but of something else: it has not the outputs of a face detector.
    lafs_test::ProtoMessage graph;
    graph.message(11, lafs_test::yunet::value_info("input", {1, 3, 64, 64}));
    graph.message(
        1,
        lafs_test::ProtoMessage().text(1, "input").text(2, "mean").text(3, "n").text(4, "GlobalAveragePool"));
    lafs_test::yunet::add_output(graph, "classes", {1, 2, 3});
    write_text(folder / "other.onnx", lafs_test::ProtoMessage()
                                          .number(1, 7)
                                          .message(7, graph)
                                          .message(8, lafs_test::ProtoMessage().text(1, "").number(2, 11))
                                          .bytes());
    contains(refusal("other.onnx"), "other.onnx cannot be used by OpenCV");

    lafs::FaceDetectorOptions options;
    options.score = 2;
    CHECK_THROWS_AS(FaceDetector(folder / "text.onnx", options), lafs::Error);
}
