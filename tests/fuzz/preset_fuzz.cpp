// seeds: ../../presets/*.conf
// Any bytes as a preset that was given by its path: its first line.
#include "../examples/presets.hpp"
#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        const Preset preset = read_preset_head(input.path());
        if (preset.program.empty() || preset.description.empty() || preset.program.size() > 512)
            std::abort();
    } catch (const lafs::Error&) {
    }
    return 0;
}
