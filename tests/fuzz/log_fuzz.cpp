// seeds:
// Any bytes as the log of an earlier run.
#include <lafs/report/log_reader.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        lafs::read_log(input.path());
    } catch (const lafs::Error&) {
    }
    return 0;
}
