// Tells a PyTorch checkpoint that can be read from files that cannot, and says what to do about those.
#pragma once

#include <cstddef>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/content_kind.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/io/zip_archive.hpp>
#include <span>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI::detail {

/// Throws unless the file begins as a zip archive.
inline void check_pytorch_content(const std::filesystem::path& path) {
    const MappedFile file(path);
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
    // A pickle of the number 0x1950a86a20f9469cfc6c, or a tar archive.
    const bool pickled = text.starts_with("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.");
    const bool tar = text.size() > 262 && text.substr(257, 5) == "ustar";
    require(!pickled && !tar, "checkpoint", path, " is in the format of PyTorch before ",
            tar ? "0.1.10" : "1.6",
            ", expected a zip file: convert it in Python with torch.save(torch.load(\"old.pth\", "
            "map_location=\"cpu\"), \"new.pth\")");
    require(!text.starts_with("\x80"), "checkpoint", path,
            " is a plain pickle, expected a file that torch.save wrote (a zip file)");
    require(text.starts_with("PK"), "checkpoint", path, " is ", content_kind(file.bytes()),
            ", expected a PyTorch checkpoint (a zip file)");
}

/// The folder of the checkpoint in its archive, with its slash: what stands before "data.pkl".
inline std::string pytorch_folder(const ZipArchive& archive) {
    const ZipMember* found = nullptr;
    for (const ZipMember& member : archive.members()) {
        if (member.name != "data.pkl" && !member.name.ends_with("/data.pkl"))
            continue;
        require(!found, "checkpoint", archive.path(), " holds both \"", found ? found->name : "", "\" and \"",
                member.name, "\", expected one data.pkl");
        found = &member;
    }
    if (!found)
        fail("checkpoint", archive.path(), " holds no data.pkl, expected a file that torch.save wrote");
    return std::string(found->name.substr(0, found->name.size() - std::string_view("data.pkl").size()));
}

/// Opens the archive of a checkpoint. Throws for TorchScript and for elements in big-endian order.
inline ZipArchive open_pytorch_archive(const std::filesystem::path& path) {
    check_pytorch_content(path);
    ZipArchive archive = ZipArchive::open(path);
    const std::string folder = pytorch_folder(archive);
    require(!archive.find(folder + "constants.pkl"), "checkpoint", path,
            " is a TorchScript archive, whose code would have to be executed: in Python, "
            "torch.save(torch.jit.load(\"script.pt\", map_location=\"cpu\").state_dict(), \"weights.pth\")");
    if (const ZipMember* order = archive.find(folder + "byteorder")) {
        const std::span<const std::byte> bytes = archive.checked_bytes(*order);
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        require(text == "little", "checkpoint", path, " has elements of byte order \"", text.substr(0, 20),
                "\", expected \"little\": save it anew on a little-endian machine");
    }
    return archive;
}

}  // namespace lafs::inline LAFS_ABI::detail
