// PyTorch checkpoints (.pth, .pt): the tensors of the zip files that torch.save writes since version 1.6.
//
// A checkpoint is a pickle of containers whose tensors are views of storages, stored beside it. Tensors get
// the dotted path of keys and indices that leads to them. Nothing is executed: what needs a class that
// this library does not know is skipped, and listed. Files are untrusted and mapped, not loaded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/io/elements.hpp>
#include <lafs/io/pytorch_archive.hpp>
#include <lafs/io/pytorch_tensors.hpp>
#include <lafs/io/zip_archive.hpp>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// An open checkpoint. Tensors are read from the disk when they are asked for.
class PyTorchCheckpoint {
public:
    /// Opens and checks the file. Throws for files that are damaged, for tensors that reach past their
    /// storage, and, saying what to do, for files of PyTorch before 1.6, TorchScript and pickled models.
    static PyTorchCheckpoint open(const std::filesystem::path& path) { return PyTorchCheckpoint(path); }

    const std::filesystem::path& path() const { return archive_.path(); }

    /// The names of all tensors, sorted: "model.blocks.0.weight" is in a dictionary under "model", say, and
    /// "optimizer.state.0.step" in one under the number 0.
    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& [name, info] : tensors_.named)
            result.push_back(name);
        return result;
    }

    bool contains(const std::string& name) const { return tensors_.named.contains(name); }

    /// Type, shape and place of a tensor; throws when it is absent.
    const PyTorchTensorInfo& info(const std::string& name) const {
        const auto found = tensors_.named.find(name);
        require(found != tensors_.named.end(), "checkpoint", path(), " has no tensor \"", name, "\"");
        return found->second;
    }

    /// What else the file holds, as "path (what it is)": "epoch (the integer 7)", "args (an object of
    /// argparse.Namespace)". A list of numbers is one entry. Ends with "and N more" after 10 000.
    const std::vector<std::string>& skipped() const { return tensors_.skipped; }

    /// All elements in row-major order, converted as `read_elements` says. Throws also when the storage is
    /// damaged (its checksum is compared at the first reading).
    template <class T>
    std::vector<T> read(const std::string& name) const {
        std::vector<T> values(info(name).elements());
        read(name, std::span<T>(values));
        return values;
    }

    /// The same into memory that is there; throws unless `out` has the tensor's number of elements.
    template <class T>
    void read(const std::string& name, std::span<T> out) const;

private:
    explicit PyTorchCheckpoint(const std::filesystem::path& path)
        : archive_(detail::open_pytorch_archive(path)),
          tensors_(detail::read_pytorch_tensors(archive_)),
          intact_(std::make_unique<std::atomic<bool>[]>(archive_.members().size())) {}

    ZipArchive archive_;
    detail::PyTorchTensors tensors_;
    std::unique_ptr<std::atomic<bool>[]> intact_;  // storages whose checksum was compared, by member
};

template <class T>
void PyTorchCheckpoint::read(const std::string& name, std::span<T> out) const {
    const PyTorchTensorInfo& tensor = info(name);
    require(out.size() == tensor.elements(), "checkpoint", "\"", name, "\" of ", path(), " has ",
            tensor.elements(), " elements, expected ", out.size());
    if (out.empty())
        return;
    if (!intact_[tensor.member].load(std::memory_order_relaxed)) {
        archive_.checked_bytes(archive_.members()[tensor.member]);
        intact_[tensor.member].store(true, std::memory_order_relaxed);
    }
    const std::string what = "\"" + name + "\" of " + path().string();
    const std::size_t width = size_of(tensor.dtype);
    detail::for_each_run(tensor, [&](std::size_t position, std::uint64_t offset, std::size_t run) {
        read_elements(tensor.dtype,
                      tensor.storage.subspan(static_cast<std::size_t>(offset) * width, run * width),
                      out.subspan(position, run), "checkpoint", what);
    });
}

}  // namespace lafs::inline LAFS_ABI
