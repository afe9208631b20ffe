// Files of weights, whatever wrote them: safetensors files and PyTorch checkpoints behind one interface.
//
// The content decides, never the name. Both are untrusted and read in place: opening costs the header, a
// tensor its own elements.
#pragma once

#include <algorithm>
#include <filesystem>
#include <lafs/io/content_kind.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/io/pytorch_checkpoint.hpp>
#include <lafs/io/safetensors.hpp>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Type and sizes of a tensor in a file.
struct WeightsInfo {
    DType dtype = DType::float32;
    std::vector<std::int64_t> shape;

    /// Bytes of its elements, each counted once; the largest number for sizes that overflow.
    std::uint64_t bytes() const { return checked_bytes(dtype, shape).value_or(UINT64_MAX); }
};

/// "(1, 197, 64)"
inline std::string shape_text(std::span<const std::int64_t> shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i)
        text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + ")";
}

/// An open file of named tensors. Names of nested dictionaries are joined with dots.
class WeightsFile {
public:
    WeightsFile(SafetensorsFile file) : file_(std::move(file)) {}
    WeightsFile(PyTorchCheckpoint file) : file_(std::move(file)) {}

    /// "safetensors file" or "PyTorch checkpoint"
    const char* format() const { return safetensors() ? "safetensors file" : "PyTorch checkpoint"; }
    const std::filesystem::path& path() const {
        return std::visit([](const auto& file) -> const std::filesystem::path& { return file.path(); },
                          file_);
    }

    std::vector<std::string> names() const {
        return std::visit([](const auto& file) { return std::vector<std::string>(file.names()); }, file_);
    }
    bool contains(const std::string& name) const {
        return std::visit([&](const auto& file) { return file.contains(name); }, file_);
    }
    /// Throws when the tensor is absent.
    WeightsInfo info(const std::string& name) const {
        return std::visit(
            [&](const auto& file) {
                const auto& info = file.info(name);
                return WeightsInfo{info.dtype, {info.shape.begin(), info.shape.end()}};
            },
            file_);
    }

    /// Texts of the file; a PyTorch checkpoint has none.
    const std::map<std::string, std::string>& metadata() const {
        static const std::map<std::string, std::string> none;
        return safetensors() ? safetensors()->metadata() : none;
    }

    /// What the file holds beside tensors that is not read: "args (argparse.Namespace)".
    std::vector<std::string> skipped() const;

    /// All elements in row-major order into memory that is there, converted between float types (rounded) or
    /// integer types (checked to fit). Throws for other conversions, and unless `out` has the tensor's size.
    template <class T>
    void read(const std::string& name, std::span<T> out) const {
        std::visit([&](const auto& file) { file.read(name, out); }, file_);
    }

    /// The same into new memory. Throws for a tensor above 64 MB that is larger than its file (a view that
    /// repeats its elements).
    template <class T>
    std::vector<T> read(const std::string& name) const;

    /// The elements of any type as their little-endian bytes, in row-major order. Throws as above.
    std::vector<std::byte> read_bytes(const std::string& name) const;

private:
    std::size_t checked_size(const std::string& name) const;
    const SafetensorsFile* safetensors() const { return std::get_if<SafetensorsFile>(&file_); }

    std::variant<SafetensorsFile, PyTorchCheckpoint> file_;
};

inline std::vector<std::string> WeightsFile::skipped() const {
    const auto* checkpoint = std::get_if<PyTorchCheckpoint>(&file_);
    return checkpoint ? checkpoint->skipped() : std::vector<std::string>();
}

template <class T>
std::vector<T> WeightsFile::read(const std::string& name) const {
    std::vector<T> values(checked_size(name) / size_of(info(name).dtype));
    read(name, std::span<T>(values));
    return values;
}

inline std::vector<std::byte> WeightsFile::read_bytes(const std::string& name) const {
    std::vector<std::byte> bytes(checked_size(name));
    const DType dtype = info(name).dtype;
    const auto read_as = [&]<class T>(T) {
        const auto values = read<T>(name);
        std::memcpy(bytes.data(), values.data(), bytes.size());
    };
    if (bytes.empty())
        return bytes;
    switch (dtype) {
        case DType::float32:
            read_as(float{});
            break;
        case DType::float64:
            read_as(double{});
            break;
        case DType::bfloat16:
            read_as(bfloat16{});
            break;
        case DType::float16:
            read_as(half{});
            break;
        case DType::int64:
            read_as(std::int64_t{});
            break;
        case DType::int32:
            read_as(std::int32_t{});
            break;
        case DType::int16:
            read_as(std::int16_t{});
            break;
        case DType::int8:
            read_as(std::int8_t{});
            break;
        case DType::uint8:
        case DType::boolean:
            read_as(std::uint8_t{});
            break;
    }
    return bytes;
}

inline std::size_t WeightsFile::checked_size(const std::string& name) const {
    constexpr std::uint64_t always_allowed = 64'000'000;
    const WeightsInfo tensor = info(name);
    const std::uint64_t bytes = tensor.bytes();
    require(bytes <= always_allowed || bytes <= std::filesystem::file_size(path()), "weights",
            path().string(), ": \"", name, "\" ", shape_text(tensor.shape), " has ", bytes,
            " bytes, expected no more than its file");
    return static_cast<std::size_t>(bytes);
}

namespace detail {

inline bool looks_like_safetensors(std::span<const std::byte> bytes) {
    std::uint64_t length = 0;
    if (bytes.size() < 9 || bytes[8] != std::byte{'{'})
        return false;
    std::memcpy(&length, bytes.data(), 8);
    return length <= safetensors_max_header;
}

inline bool looks_like_pytorch(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.starts_with("PK") || text.starts_with("\x80");  // a zip archive; a pickle (before 1.6)
}

}  // namespace detail

/// Opens a safetensors file or a PyTorch checkpoint. Throws for any other file, saying what it is, and for
/// damaged ones with offset and what was expected.
inline WeightsFile open_weights(const std::filesystem::path& path) {
    {
        const MappedFile file(path);
        // The length that a safetensors file begins with may have the first bytes of a zip archive or a
        // pickle; neither of those has a brace behind such a length.
        if (detail::looks_like_safetensors(file.bytes()))
            return SafetensorsFile::open(path);
        require(detail::looks_like_pytorch(file.bytes()), "open_weights", path.string(), " is ",
                content_kind(file.bytes()), ", expected a safetensors file or a PyTorch checkpoint (.pth)");
    }
    return PyTorchCheckpoint::open(path);
}

}  // namespace lafs::inline LAFS_ABI
