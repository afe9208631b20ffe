// seeds: seeds/tiny.pth, data/checkpoints/vit_small.pth
// Any bytes as a zip archive.
#include <lafs/io/zip_archive.hpp>

#include "fuzz/fuzz_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        const auto archive = lafs::ZipArchive::open(input.path());
        for (const lafs::ZipMember& member : archive.members())
            if (archive.find(member.name) == &member)
                archive.checked_bytes(member);
    } catch (const lafs::Error&) {
    }
    return 0;
}
