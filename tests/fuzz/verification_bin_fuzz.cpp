// seeds: seeds/*_protocol0.bin, data/verification_bin/numpy_protocol3.bin,
// data/verification_bin/python2_protocol2.bin Any bytes as a pickled verification set.
#include <lafs/data/verification_bin.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        const auto bin = lafs::VerificationBin::open(input.path());
        unsigned sum = 0;
        for (std::size_t i = 0; i < bin.pairs(); ++i)
            sum += bin.same(i);
        for (std::size_t i = 0; i < bin.images(); ++i)
            if (bin.first_copy(i) == i)
                for (const std::byte byte : bin.encoded(i))
                    sum += std::to_integer<unsigned>(byte);
        if (bin.images() > 0)
            bin.image(sum % bin.images());
    } catch (const lafs::Error&) {
    }
    return 0;
}
