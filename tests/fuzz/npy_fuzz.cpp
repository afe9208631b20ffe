// seeds: seeds/*.npy
// Any bytes as a .npy file, read as floats and as integers.
#include <lafs/io/npy.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        lafs::load_npy<float>(input.path());
    } catch (const lafs::Error&) {
    }
    try {
        lafs::load_npy<std::int16_t>(input.path());
    } catch (const lafs::Error&) {
    }
    return 0;
}
