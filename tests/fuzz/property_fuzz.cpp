// seeds: data/recordio/*/property
// Any bytes as the property of a set.
#include <lafs/data/property.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        lafs::read_property(input.path());
    } catch (const lafs::Error&) {
    }
    return 0;
}
