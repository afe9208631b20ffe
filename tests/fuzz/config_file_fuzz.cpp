// seeds: seeds/*.config
// Any bytes as a file of options.
#include <cstdlib>
#include <lafs/train/config_file.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        for (const lafs::ConfigEntry& entry : lafs::read_config_file(input.path()))
            if (entry.name.empty() || entry.value.find('\n') != std::string::npos)
                std::abort();
    } catch (const lafs::Error&) {
    }
    return 0;
}
