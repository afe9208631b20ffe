// What an evaluation says of its images.
#include <lafs/faces/verify_pairs.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

TEST_CASE("an evaluation tells once which images it resized", "[faces]") {
    const lafs_test::TemporaryFolder folder;
    lafs::save_image(folder / "a.png", lafs::Image(112, 112));
    lafs::save_image(folder / "b.png", lafs::Image(90, 112));
    lafs::save_image(folder / "c.png", lafs::Image(112, 200));
    const auto file = [&](const char* name) { return folder / name; };
    const lafs::PairSet set = lafs::pair_set(
        lafs::PairList{1, {{file("a.png"), file("b.png"), true}, {file("c.png"), file("b.png"), false}}});

    std::vector<std::string> told;
    const lafs::WarningSink before =
        lafs::set_warning_sink([&](const std::string& text) { told.push_back(text); });
    const auto embed = [](const lafs::Tensor<float>& images) {
        return lafs::Tensor<float>::full({images.shape(0), 2}, 1.0f);
    };
    for (int validation = 0; validation < 2; ++validation)
        CHECK(lafs::embed_pair_distances(set, embed) == std::vector<double>{0.0, 0.0});
    lafs::set_warning_sink(before);
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with("2 of 3 images of the pairs are not 112 x 112 (the first: " +
                              (folder / "b.png").string() + ", 90 x 112) and were resized"));
}
