// seeds: seeds/tiny.pth, data/checkpoints/vit_small.pth
// Any bytes as a PyTorch checkpoint; then its members once more in an archive whose checksums are right.
#include <lafs/io/pytorch_checkpoint.hpp>
#include <string>
#include <vector>

#include "fuzz/fuzz_file.hpp"
#include "zip_bytes.hpp"

namespace {

void read_checkpoint(const std::filesystem::path& path) {
    const auto checkpoint = lafs::PyTorchCheckpoint::open(path);
    std::size_t elements = checkpoint.skipped().size();
    for (const std::string& name : checkpoint.names()) {
        const auto& info = checkpoint.info(name);
        elements += info.elements();
        if (elements > 10'000'000)
            return;
        try {
            if (lafs::is_floating(info.dtype))
                checkpoint.read<double>(name);
            else
                checkpoint.read<std::int64_t>(name);
        } catch (const lafs::Error&) {  // a damaged storage
        }
    }
}

std::string with_right_checksums(const std::filesystem::path& path) {
    const auto archive = lafs::ZipArchive::open(path);
    std::vector<lafs_test::ZipEntry> entries;
    for (const lafs::ZipMember& member : archive.members()) {
        const auto bytes = archive.bytes(member);
        entries.push_back({std::string(member.name),
                           std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())});
    }
    return lafs_test::zip_bytes(entries);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const lafs_test::FuzzFile input(data, size);
    try {
        read_checkpoint(input.path());
    } catch (const lafs::Error&) {
    }
    try {
        const std::string again = with_right_checksums(input.path());
        const lafs_test::FuzzFile file(reinterpret_cast<const std::uint8_t*>(again.data()), again.size());
        read_checkpoint(file.path());
    } catch (const lafs::Error&) {
    }
    return 0;
}
