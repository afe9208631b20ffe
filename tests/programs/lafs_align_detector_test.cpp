// lafs_align with a detector, whose model finds the same faces in every photograph of 64 x 64 pixels.
#include <iostream>
#include <lafs/data/alignment.hpp>
#include <lafs/data/image_codec.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "yunet_model.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::Arguments, lafs_test::check_contains, lafs_test::failure, lafs_test::run_program,
    lafs_test::TemporaryFolder, lafs_test::write_text, lafs_test::operator+;

lafs::FivePoints half_size(double left, double top) {
    lafs::FivePoints points;
    for (std::size_t k = 0; k < points.size(); ++k)
        points[k] = {lafs::face_template[k].x / 2 + left, lafs::face_template[k].y / 2 + top};
    return points;
}

}  // namespace

TEST_CASE("faces are found in a folder of photographs", "[programs]") {
    if (!lafs_test::reads_yunet_2022) {
        std::cout << "SKIPPED: this OpenCV reads other models\n";
        return;
    }
    const TemporaryFolder folder;
    const fs::path root = folder / "photos", out = folder / "out", model = folder / "model.onnx";
    lafs::Image image(64, 64);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
    fs::create_directories(root / "ann" / "deep");
    for (const char* name : {"ann/1.png", "ann/deep/2.png", "3.png", "ann/.hidden.png"})
        lafs::save_image(root / name, image);
    write_text(root / "ann/notes.txt", "no image");
    const Arguments align{"--root", root, "--out", out, "--detector", model};

    // A model that cannot run ends the run at once, whatever the photographs.
    lafs_test::ProtoMessage graph = lafs_test::yunet::constant_graph();
    lafs_test::yunet::add_output(graph, "classes", {1, 2, 3});
    write_text(model, lafs_test::yunet::file_of(graph));
    check_contains(failure("lafs_align", align), "model.onnx cannot be used by OpenCV");
    CHECK_FALSE(fs::exists(out));

    write_text(model, lafs_test::yunet_model({{half_size(4, 6), 1, 0}}));
    const auto found = run_program("lafs_align", align);
    INFO(found.errors);
    REQUIRE(found.exit_code == 0);
    CHECK(found.output ==
          "3 images: 3 aligned (0 with several faces), 0 kept, 0 without a face, 0 damaged\n");
    for (const char* name : {"ann/1.png", "ann/deep/2.png", "3.png"}) {
        const lafs::Image face = lafs::load_image(out / name);
        REQUIRE((face.width == 112 && face.height == 112));
        for (const int k : {0, 10, 50})  // twice as large: whole pixels of the photograph at even places
            CHECK(std::equal(image.at(4 + k, 6 + k), image.at(4 + k, 6 + k) + 3, face.at(2 * k, 2 * k)));
    }

    write_text(model, lafs_test::yunet_model({}));
    const auto none = run_program("lafs_align", align + Arguments{"--force"});
    CHECK(none.exit_code == 0);
    check_contains(none.errors, "passed over 1 file");
    check_contains(none.errors, "\nno face in 3.png\nno face in ann/1.png\nno face in ann/deep/2.png\n");
    check_contains(none.output, "0 aligned (0 with several faces), 0 kept, 3 without a face");
    CHECK(run_program("lafs_align", align + Arguments{"--force", "--strict"}).exit_code == 1);

    write_text(model, "no model");
    check_contains(failure("lafs_align", align + Arguments{"--force"}),
                   "model.onnx cannot be used by OpenCV");
    fs::remove_all(root / "ann");
    fs::remove(root / "3.png");
    write_text(model, lafs_test::yunet_model({}));
    check_contains(failure("lafs_align", align), "holds no images");
    check_contains(failure("lafs_align", align + Arguments{"--root", folder / "absent"}),
                   "expected a folder of images");
}
