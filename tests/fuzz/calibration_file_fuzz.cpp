// seeds: reference/07_layer_decay.json
// Any bytes as the result of an evaluation that holds a threshold.
#include <lafs/faces/calibration_file.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        lafs::read_calibration(input.path(), 0.001);
    } catch (const lafs::Error&) {
    }
    return 0;
}
