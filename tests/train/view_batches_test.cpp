// The tokens of views on the plain grid, from the pictures that the loader makes.
#include <lafs/train/view_batches.hpp>
#include <memory>

#include "catch.hpp"

namespace {

constexpr std::int64_t faces = 2;

lafs::ViewBatch batch_of(const lafs::MultiCropOptions& crops) {
    const auto source = std::make_shared<lafs::SyntheticSource>(lafs::SyntheticFaces(faces, 1));
    lafs::ViewBatches maker(source, lafs::EpochSampler(faces, faces, 1), lafs::MultiCrop(crops), 5, false);
    lafs::ViewBatch batch = maker.begin(0);
    for (std::int64_t place = 0; place < faces; ++place)
        maker.fill(batch, place);
    return batch;
}

/// Whether tokens are the 8 x 8 blocks of pictures, row by row, each flattened (row, column, channel).
void check_blocks(const lafs::Tensor<float>& tokens, const lafs::Tensor<float>& pictures) {
    const std::int64_t count = pictures.shape(0), side = pictures.shape(2), blocks = side / 8;
    REQUIRE(tokens.shape() == lafs::Shape{count, blocks * blocks, 192});
    for (std::int64_t n = 0; n < count; ++n)
        for (std::int64_t channel = 0; channel < 3; ++channel)
            for (std::int64_t y = 0; y < side; ++y)
                for (std::int64_t x = 0; x < side; ++x) {
                    const std::int64_t token = (n * blocks + y / 8) * blocks + x / 8;
                    const float found = tokens.data()[(token * 64 + y % 8 * 8 + x % 8) * 3 + channel];
                    if (found != pictures.data()[((n * 3 + channel) * side + y) * side + x])
                        FAIL("picture " << n << ", channel " << channel << ", row " << y << ", column " << x);
                }
}

}  // namespace

TEST_CASE("the baseline's local views are 48 pixels wide and 36 tokens long", "[train]") {
    const lafs::ViewBatch batch = batch_of(lafs::dino_crops());
    REQUIRE(batch.global.augmented.shape() == lafs::Shape{2 * faces, 3, 112, 112});
    REQUIRE(batch.local.augmented.shape() == lafs::Shape{8 * faces, 3, 48, 48});
    const auto tokens = lafs::view_tokens<float, lafs::Cpu>(batch, {}, nullptr, 3);
    check_blocks(tokens.global, batch.global.augmented);
    check_blocks(tokens.local, batch.local.augmented);
}

TEST_CASE("without local views there are no local tokens", "[train]") {
    lafs::MultiCropOptions crops;
    crops.local_views = 0;
    const auto tokens = lafs::view_tokens<float, lafs::Cpu>(batch_of(crops), {}, nullptr, 3);
    CHECK(tokens.global.shape() == lafs::Shape{2 * faces, 196, 192});
    CHECK_FALSE(tokens.local.defined());
}
