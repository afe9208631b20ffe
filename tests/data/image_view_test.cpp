// Images in memory of others: every order of channels, rows that lie apart, what is refused.
#include <lafs/data/image_ops.hpp>
#include <lafs/data/image_view.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs::Image, lafs::ImageView, lafs::PixelOrder;
using lafs_test::check_contains, lafs_test::message_of;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes pixels_of(const Image& image) {
    return image.pixels;
}

}  // namespace

TEST_CASE("an image from memory has its pixels in every order of channels", "[data]") {
    const Bytes expected{1, 2, 3, 4, 5, 6};  // two pixels
    const auto read = [](const Bytes& memory, PixelOrder order) {
        return pixels_of(ImageView(memory.data(), 2, 1, order));
    };
    CHECK(read({1, 2, 3, 4, 5, 6}, PixelOrder::rgb) == expected);
    CHECK(read({3, 2, 1, 6, 5, 4}, PixelOrder::bgr) == expected);
    CHECK(read({1, 2, 3, 99, 4, 5, 6, 99}, PixelOrder::rgba) == expected);
    CHECK(read({3, 2, 1, 99, 6, 5, 4, 99}, PixelOrder::bgra) == expected);
    CHECK(read({7, 9}, PixelOrder::grey) == Bytes{7, 7, 7, 9, 9, 9});
}

TEST_CASE("rows of an image from memory may lie apart, and the image outlives them", "[data]") {
    Bytes memory{1, 2, 3, 0, 0, 4, 5, 6};  // 1 x 2; the last row has nothing behind it
    const ImageView view(memory.data(), 1, 2, PixelOrder::bgr, 5);
    CHECK(view.width() == 1);
    CHECK(view.height() == 2);
    memory[5] = 44;  // it is a view: what is written to the memory is seen
    const Image kept = view;
    memory.assign(memory.size(), 0);
    CHECK(kept.width == 1);
    CHECK(kept.height == 2);
    CHECK(kept.pixels == Bytes{3, 2, 1, 6, 5, 44});
}

TEST_CASE("what takes an image takes memory", "[data]") {
    const Bytes memory{0, 0, 255, 0, 0, 255};  // two red pixels, as OpenCV has them
    const Image large = lafs::resize(ImageView(memory.data(), 2, 1, PixelOrder::bgr), 4, 4);
    CHECK(large.width == 4);
    CHECK(Bytes(large.at(3, 3), large.at(3, 3) + 3) == Bytes{255, 0, 0});
}

TEST_CASE("memory that cannot be an image is refused", "[data]") {
    const Bytes memory(64);
    const auto view = [&](const std::uint8_t* pixels, std::int64_t width, std::int64_t height,
                          std::size_t step) {
        return [=] { ImageView(pixels, width, height, PixelOrder::bgra, step); };
    };
    check_contains(message_of(view(nullptr, 2, 2, 0)), "got no pixels (null) for 2 x 2");
    check_contains(message_of(view(memory.data(), 0, 2, 0)), "got size 0 x 2, expected positive");
    check_contains(message_of(view(memory.data(), 2, -1, 0)), "got size 2 x -1, expected positive");
    check_contains(message_of(view(memory.data(), std::int64_t{1} << 40, 1 << 20, 0)),
                   "expected positive and at most");
    check_contains(message_of(view(memory.data(), 2, 2, 7)),
                   "got rows 7 bytes apart, expected at least 8 for 2 pixels of 4 bytes");
}
