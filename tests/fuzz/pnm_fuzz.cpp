// seeds: seeds/*.pbm, seeds/*.pgm, seeds/*.ppm
// Any bytes as a PBM, PGM or PPM image.
#include <lafs/data/pnm.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (!lafs::is_pnm(bytes))
        return 0;
    try {
        lafs::decode_pnm(bytes, "fuzz");
    } catch (const lafs::Error&) {
    }
    return 0;
}
