// seeds: data/celeb112/test_pairs.txt
// Any bytes as a list of pairs, of files in a folder that holds none.
#include <lafs/data/pairs.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        lafs::read_pairs(input.path(), "/proc/self");
    } catch (const lafs::Error&) {
    }
    return 0;
}
