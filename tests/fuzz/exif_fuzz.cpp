// seeds: seeds/exif*, seeds/xmp*, seeds/magick*, seeds/*.jp2
// Any bytes as a file whose orientation and size are asked for.
#include <cstdlib>
#include <lafs/data/exif.hpp>
#include <lafs/data/foreign_images.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const int orientation = lafs::image_orientation(bytes);
    if (orientation < 1 || orientation > 8)
        std::abort();
    lafs::detail::foreign_size(bytes);
    return 0;
}
