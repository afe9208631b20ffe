// seeds: data/orl/s1/1.pgm, data/orl/s2/*.pgm, data/celeb112/train/*/*1.jpg, seeds/*.jpg, seeds/*.png
// Any bytes as an image.
#include <lafs/data/image_codec.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        lafs::load_image(input.path());
    } catch (const lafs::Error&) {
    }
    return 0;
}
