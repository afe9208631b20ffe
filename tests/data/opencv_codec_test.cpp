// What OpenCV's codecs read has Pillow's pixels.
#include <lafs/data/image_codec.hpp>
#include <lafs/data/opencv_codec.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "data/fixture_images.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains, lafs_test::fixture_file, lafs_test::message_of;

namespace {

/// OpenCV's codecs for the time of a test.
struct Codecs {
    Codecs() { lafs::use_opencv_codecs(); }
    ~Codecs() { lafs::set_image_codec("", {}); }
};

}  // namespace

TEST_CASE("OpenCV reads what the library does not", "[data]") {
    const Codecs codecs;
    for (const auto& fixture : lafs_test::foreign_image_fixtures)
        lafs_test::check_fixture(fixture);
}

TEST_CASE("damaged and unknown images are refused with OpenCV, too", "[data]") {
    const Codecs codecs;
    const auto refusal = [](const std::vector<std::byte>& file) {
        return message_of([&] { lafs::decode_image(file, "x"); });
    };
    for (const auto& fixture : lafs_test::foreign_image_fixtures) {
        std::vector<std::byte> file = lafs_test::decode_base64(fixture.file);
        file.resize(file.size() / 2);
        INFO(fixture.name);
        check_contains(refusal(file), "image x ");
    }
    std::vector<std::byte> huge = fixture_file("rgb.tif");
    const std::string text(reinterpret_cast<const char*>(huge.data()), huge.size());
    const std::size_t width = text.find(std::string("\0\1", 2) + std::string("\3\0", 2));  // tag 256, 16 bits
    const std::size_t wide = width == std::string::npos ? text.find(std::string("\0\1\4\0", 4)) : width;
    REQUIRE(wide != std::string::npos);
    huge[wide + 2] = std::byte{4};  // 32 bits
    huge[wide + 11] = std::byte{0x7F};
    check_contains(refusal(huge), "expected at most");
    const std::string heic(
        "\0\0\0\x18"
        "ftypheic",
        12);
    check_contains(message_of([&] { lafs::decode_image(std::as_bytes(std::span(heic))); }), "a HEIC image");
    // AVIF, where OpenCV has it, would lie on its side.
    const std::string turned(
        "\0\0\0\x10"
        "ftypavif....ispe\0\0\0\0\0\0\0\5\0\0\0\5....irot\1mdat",
        45);
    check_contains(message_of([&] { lafs::decode_image(std::as_bytes(std::span(turned))); }),
                   "does not turn AVIF images");
}
