// seeds: seeds/*.bmp
// Any bytes as a BMP image.
#include <lafs/data/bmp.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (!lafs::is_bmp(bytes))
        return 0;
    lafs::set_max_image_pixels(1 << 18);  // runs make large images of few bytes: time goes into variety
    try {
        lafs::decode_bmp(bytes, "fuzz");
    } catch (const lafs::Error&) {
    }
    return 0;
}
