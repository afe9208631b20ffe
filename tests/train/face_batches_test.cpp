// What happens to one face of a supervised batch.
#include <algorithm>
#include <cmath>
#include <lafs/train/face_batches.hpp>
#include <vector>

#include "catch.hpp"

namespace {

lafs::Image gradient() {
    lafs::Image image(lafs::face_size, lafs::face_size);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) {
            image.at(x, y)[0] = static_cast<std::uint8_t>(2 * x + 1);
            image.at(x, y)[1] = static_cast<std::uint8_t>(2 * y + 1);
            image.at(x, y)[2] = 255;
        }
    return image;
}

std::vector<float> prepared(const lafs::FaceAugmentation& augmentation, std::uint64_t stream) {
    std::vector<float> planes(3 * lafs::face_size * lafs::face_size);
    lafs::RandomSequence random(9, stream);
    lafs::prepare_face(gradient(), augmentation, random, planes);
    return planes;
}

bool mirrored(const std::vector<float>& planes) {
    return planes[0] > planes[lafs::face_size - 1];
}

}  // namespace

TEST_CASE("faces are mirrored half of the time, whatever else is done", "[train]") {
    int mirrors = 0;
    for (std::uint64_t stream = 0; stream < 400; ++stream) {
        const bool mirror = mirrored(prepared({true, 1, 0}, stream));
        mirrors += mirror;
        CHECK(mirrored(prepared({true, 0.9, 0}, stream)) == mirror);
        CHECK_FALSE(mirrored(prepared({false, 1, 0}, stream)));
    }
    CHECK(mirrors > 150);
    CHECK(mirrors < 250);
}

TEST_CASE("erasing leaves a grey rectangle of 2 to 10 percent", "[train]") {
    for (std::uint64_t stream = 0; stream < 50; ++stream) {
        const auto plain = prepared({true, 1, 0}, stream), erased = prepared({true, 1, 1}, stream);
        const std::size_t plane = lafs::face_size * lafs::face_size;
        int changed = 0;
        for (std::size_t i = 0; i < plane; ++i)  // the blue plane is 1 where nothing is erased
            if (erased[2 * plane + i] != plain[2 * plane + i]) {
                ++changed;
                CHECK(std::abs(erased[2 * plane + i]) < 0.01f);
            }
        CHECK(changed > 0.018 * static_cast<double>(plane));
        CHECK(changed < 0.104 * static_cast<double>(plane));
    }
}
