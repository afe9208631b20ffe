#include <lafs/data/yunet_outputs.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs::FoundFace;

namespace {

/// Outputs of one stride for a padded image of 64 x 32 pixels: no face anywhere.
struct Outputs {
    std::vector<float> classes, objects, boxes, points;

    explicit Outputs(std::size_t anchors)
        : classes(anchors), objects(anchors), boxes(4 * anchors), points(10 * anchors) {}
    lafs::YunetOutputs all() const { return {classes, objects, boxes, points}; }
};

}  // namespace

TEST_CASE("an anchor's numbers become a box and five points", "[data]") {
    Outputs outputs(8);  // stride 16: two rows of four
    outputs.classes[6] = 0.9f;
    outputs.objects[6] = 1.5f;  // clipped
    const float box[] = {0.25f, -0.5f, 0.6931472f, 0};
    std::copy(box, box + 4, &outputs.boxes[24]);
    for (std::size_t k = 0; k < 10; ++k)
        outputs.points[60 + k] = 0.125f * static_cast<float>(k);
    std::vector<FoundFace> faces;
    lafs::add_yunet_faces(outputs.all(), 16, 64, 32, 0.9, faces);
    REQUIRE(faces.size() == 1);
    // Column 2, row 1: the centre is at (2.25, 0.5) * 16, the size 32 x 16.
    CHECK(faces[0].score == Approx(0.9486833));
    CHECK(faces[0].left == Approx(20));
    CHECK(faces[0].top == Approx(0).margin(1e-6));
    CHECK(faces[0].width == Approx(32));
    CHECK(faces[0].height == Approx(16));
    for (std::size_t k = 0; k < 5; ++k) {
        CHECK(faces[0].points[k].x == Approx(32 + 4.0 * static_cast<double>(k)));
        CHECK(faces[0].points[k].y == Approx(18 + 4.0 * static_cast<double>(k)));
    }
    faces.clear();
    lafs::add_yunet_faces(outputs.all(), 16, 64, 32, 0.95, faces);
    CHECK(faces.empty());
    outputs.classes[6] = std::nanf("");
    lafs::add_yunet_faces(outputs.all(), 16, 64, 32, 0, faces);
    CHECK(faces.size() == 7);  // a score that is no number is none
    lafs_test::check_contains(
        lafs_test::message_of([&] { lafs::add_yunet_faces(outputs.all(), 8, 64, 32, 0.9, faces); }),
        "at stride 8, expected those of 32 anchors");
}

TEST_CASE("of boxes that overlap the better one stays", "[data]") {
    // Boxes of 10 x 10; shifted by 5 they overlap by 50 / 150, by 6 by 40 / 160.
    const std::vector<FoundFace> faces = {{0.5, 0, 0, 10, 10},
                                          {0.9, 5, 0, 10, 10},
                                          {0.7, 11, 0, 10, 10},
                                          {0.6, 12, 0, 10, 10},
                                          {0.4, 0, 50, 10, 10}};
    const auto lefts = [](const std::vector<FoundFace>& kept) {
        std::vector<double> all;
        for (const FoundFace& face : kept)
            all.push_back(face.left);
        return all;
    };
    CHECK(lefts(lafs::without_overlaps(faces, 0.3)) == std::vector<double>{5, 11, 0});
    CHECK(lefts(lafs::without_overlaps(faces, 0.34)) == std::vector<double>{5, 11, 0, 0});
    CHECK(lefts(lafs::without_overlaps(faces, 1)) == std::vector<double>{5, 11, 12, 0, 0});
    CHECK(lafs::without_overlaps({}, 0.3).empty());
}
