// seeds: data/checkpoints/*.safetensors
// Any bytes as a safetensors file: header, metadata, and every tensor read as its own kind of number.
#include <lafs/io/safetensors.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        const auto file = lafs::SafetensorsFile::open(input.path());
        for (const std::string& name : file.names()) {
            if (lafs::is_floating(file.info(name).dtype))
                file.read<float>(name);
            else
                file.read<std::int64_t>(name);
        }
    } catch (const lafs::Error&) {
    }
    return 0;
}
