#include <functional>
#include <lafs/faces/calibration_file.hpp>
#include <lafs/faces/compare_faces.hpp>
#include <lafs/report/verification_report.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::FaceChoice;
using lafs::FivePoints;
using lafs::Image;
using lafs_test::message_of;

namespace {

Image pattern(int width, int height) {
    Image image(width, height);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = static_cast<std::uint8_t>(i * 31 % 253);
    return image;
}

FivePoints at(double x, double y, double scale = 1) {
    FivePoints points;
    for (std::size_t k = 0; k < points.size(); ++k)
        points[k] = lafs::Similarity{scale, 0, x, y}(lafs::face_template[k]);
    return points;
}

}  // namespace

TEST_CASE("a photograph's face is aligned, found, taken as it is or scaled", "[train]") {
    std::vector<FivePoints> faces;
    const std::function<std::vector<FivePoints>(const Image&)> none,
        find = [&](const Image&) { return faces; };
    const Image large = pattern(200, 150), aligned = pattern(112, 112);
    Image part(112, 112);
    for (int y = 0; y < 112; ++y)
        std::copy_n(large.at(20, 30 + y), 3 * 112, part.at(0, y));

    const auto given = lafs::prepare_photograph(large, "x", at(20, 30), find, FaceChoice::largest);
    CHECK(given.image == part);
    CHECK(given.note.empty());
    CHECK(lafs::prepare_photograph(aligned, "x", {}, find, FaceChoice::largest).image == aligned);

    CHECK(message_of([&] {
              lafs::prepare_photograph(large, "x.jpg", at(150, 30), find, FaceChoice::largest);
          }).find("lies outside x.jpg of 200 x 150 pixels") != std::string::npos);
    CHECK(message_of([&] { lafs::prepare_photograph(large, "x.jpg", {}, find, FaceChoice::largest); }) ==
          "[compare] no face was found in x.jpg");
    faces = {at(20, 30)};
    const auto found = lafs::prepare_photograph(large, "x", {}, find, FaceChoice::largest);
    CHECK(found.image == part);
    CHECK(found.note.empty());
    faces = {at(0, 0, 0.5), at(20, 30)};
    const auto chosen = lafs::prepare_photograph(large, "x", {}, find, FaceChoice::largest);
    CHECK(chosen.image == part);
    CHECK(chosen.note == "x shows 2 faces; one was chosen");
    CHECK(lafs::prepare_photograph(large, "x", {}, find, FaceChoice::central).image == part);

    const auto scaled = lafs::prepare_photograph(large, "x", {}, none, FaceChoice::largest);
    CHECK(scaled.image == lafs::resize(large, 112, 112));
    CHECK(scaled.note.find("x is 200 x 150 pixels, not 112 x 112, and was scaled") == 0);
}

TEST_CASE("the distance of two embeddings with their mirrors", "[train]") {
    // An embedding of two values: red of the first pixel, and 1.
    const auto embed = [](const lafs::Tensor<float>& images) {
        const std::int64_t count = images.shape(0);
        auto rows = lafs::Tensor<float>::empty({count, 2});
        for (std::int64_t i = 0; i < count; ++i) {
            const float* face = images.slice(i, i + 1).data();
            rows.data()[2 * i] = face[0];
            rows.data()[2 * i + 1] = 1;
        }
        return rows;
    };
    Image white(112, 112), half(112, 112);
    std::fill(white.pixels.begin(), white.pixels.end(), std::uint8_t{255});
    std::fill(half.at(0, 0), half.at(0, 0) + 3, std::uint8_t{255});
    // White: (1, 1) + (1, 1). Half: (1, 1) + (-1, 1) = (0, 2). Angle of 45 degrees.
    const lafs::FaceComparison result = lafs::compare_faces(white, half, embed);
    CHECK(result.cosine == Approx(0.70710678118654752));
    CHECK(result.squared_distance == Approx(0.5857864376269049));
}

TEST_CASE("the threshold of an evaluation is read back", "[train]") {
    const lafs_test::TemporaryFolder folder;
    lafs::Calibration calibration;
    calibration.threshold = lafs::match_threshold(0.31);
    calibration.wanted_far = 1e-3;
    lafs_test::write_text(folder / "r.json",
                          nlohmann::json{{"calibration", lafs::calibration_json(calibration)}}.dump());
    CHECK(lafs::read_calibration(folder / "r.json").cosine == 0.31);
    CHECK(lafs::read_calibration(folder / "r.json", 0.001).squared_distance == Approx(1.38));
    CHECK(message_of([&] {
              lafs::read_calibration(folder / "r.json", 0.1);
          }).find("is for FAR 0.001, got 0.1") != std::string::npos);
}
