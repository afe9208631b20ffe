// The images of image_fixtures.hpp, found by name and compared with what is decoded.
#pragma once

#include <cmath>
#include <cstddef>
#include <lafs/data/image_codec.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "base64.hpp"
#include "catch.hpp"
#include "data/image_fixtures.hpp"

namespace lafs_test {

inline std::vector<std::byte> fixture_file(const std::string& name) {
    for (const ImageFixture& fixture : image_fixtures)
        if (name == fixture.name)
            return decode_base64(fixture.file);
    for (const ImageFixture& fixture : foreign_image_fixtures)
        if (name == fixture.name)
            return decode_base64(fixture.file);
    throw std::runtime_error("no fixture " + name);
}

/// Checks that an image decodes to Pillow's values: JPEG and lossy WebP, whose decoders round differently, within 1 of
/// 255 in the mean, and 16 bits, of which we drop the lower byte; all others exactly.
inline void check_fixture(const ImageFixture& fixture) {
    const std::string name = fixture.name;
    INFO(name);
    lafs::Image image;
    REQUIRE_NOTHROW(image = lafs::decode_image(decode_base64(fixture.file), name));
    REQUIRE(image.width == fixture.width);
    REQUIRE(image.height == fixture.height);
    const std::vector<std::byte> expected = decode_base64(fixture.pixels);
    REQUIRE(image.pixels.size() == expected.size());
    double difference = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
        difference += std::abs(std::to_integer<int>(expected[i]) - int{image.pixels[i]});
    const bool close = name.ends_with(".jpg") || name == "lossy.webp" || name == "grey_16.png";
    CHECK(difference / static_cast<double>(expected.size()) <= (close ? 1.0 : 0.0));
}

}  // namespace lafs_test
