// PyTorch checkpoints written for torch.load: a state dict of tensors by name.
//
// The file is what torch.save writes, without memo entries in the pickle: a stored zip archive with data.pkl
// (protocol 2), byteorder, data/<key> and version. torch.load reads it with weights_only=True.
#pragma once

#include <cstdint>
#include <filesystem>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/io/zip_writer.hpp>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The name of an element type's storage class in PyTorch, e.g. "FloatStorage".
inline const char* pytorch_storage(DType type) {
    static constexpr const char* names[] = {"FloatStorage", "DoubleStorage", "BFloat16Storage", "HalfStorage",
                                            "LongStorage",  "IntStorage",    "ShortStorage",    "CharStorage",
                                            "ByteStorage",  "BoolStorage"};
    return names[static_cast<int>(type)];
}

namespace detail {

/// Writes the opcodes of a pickle, protocol 2.
class PickleOpcodes {
public:
    const std::string& text() const { return text_; }

    void opcodes(std::string_view bytes) { text_ += bytes; }
    void global(std::string_view scope, std::string_view name) {
        text_.append("c").append(scope).append("\n").append(name).append("\n");
    }
    void string(std::string_view value) {
        text_ += 'X';
        little_endian(value.size(), 4);
        text_ += value;
    }
    void integer(std::uint64_t value) {
        if (value < 0x100) {
            text_ += 'K';
            little_endian(value, 1);
        } else if (value < 0x8000'0000) {
            text_ += 'J';
            little_endian(value, 4);
        } else {
            text_ += "\x8A\x09";  // nine bytes: the sign has its own
            little_endian(value, 8);
            text_ += '\0';
        }
    }
    void tuple(std::span<const std::int64_t> values) {
        text_ += '(';
        for (const std::int64_t value : values)
            integer(static_cast<std::uint64_t>(value));
        text_ += 't';
    }

private:
    void little_endian(std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i)
            text_ += static_cast<char>(value >> 8 * i & 0xFF);
    }

    std::string text_;
};

/// The strides of a contiguous tensor, in elements.
inline std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
    std::vector<std::int64_t> strides(shape.size());
    std::int64_t stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        strides[i] = stride;
        stride *= std::max<std::int64_t>(shape[i], 1);
    }
    return strides;
}

}  // namespace detail

/// Collects tensors, then writes them to one file. Their elements are not copied and must live until `save`.
class PyTorchWriter {
public:
    /// Adds raw little-endian elements. Throws for a repeated name and a size that is not the shape's.
    void add_bytes(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
                   std::span<const std::byte> bytes) {
        std::uint64_t expected = size_of(dtype);
        for (const std::int64_t size : shape)
            require(
                size >= 0 && !__builtin_mul_overflow(expected, static_cast<std::uint64_t>(size), &expected),
                "checkpoint", "\"", name, "\" has an axis of size ", size);
        require(expected == bytes.size(), "checkpoint", "\"", name, "\" has ", bytes.size(),
                " bytes, which do not fit its shape");
        require(tensors_.emplace(name, Entry{dtype, std::move(shape), bytes}).second, "checkpoint",
                "the tensor \"", name, "\" was added twice");
    }

    /// Writes the file atomically, tensors by name. Throws above 4 GB or 65 000 tensors.
    void save(const std::filesystem::path& path) const;

private:
    struct Entry {
        DType dtype;
        std::vector<std::int64_t> shape;
        std::span<const std::byte> bytes;
    };

    std::string pickle() const;

    std::map<std::string, Entry> tensors_;
};

inline std::string PyTorchWriter::pickle() const {
    constexpr std::string_view empty_ordered_dict = "ccollections\nOrderedDict\n)R";
    detail::PickleOpcodes out;
    out.opcodes("\x80\x02");
    out.opcodes(empty_ordered_dict);
    out.opcodes("(");
    std::size_t key = 0;
    for (const auto& [name, tensor] : tensors_) {
        out.string(name);
        out.global("torch._utils", "_rebuild_tensor_v2");
        out.opcodes("((");  // the storage: ("storage", class, key, device, elements) as a persistent id
        out.string("storage");
        out.global("torch", pytorch_storage(tensor.dtype));
        out.string(std::to_string(key++));
        out.string("cpu");
        out.integer(tensor.bytes.size() / size_of(tensor.dtype));
        out.opcodes("tQ");
        out.integer(0);  // where the tensor begins in it
        out.tuple(tensor.shape);
        out.tuple(detail::contiguous_strides(tensor.shape));
        out.opcodes("\x89");  // needs no gradient; no hooks
        out.opcodes(empty_ordered_dict);
        out.opcodes("tR");
    }
    out.opcodes("u.");
    return out.text();
}

inline void PyTorchWriter::save(const std::filesystem::path& path) const {
    const std::string folder = "archive/";
    ZipWriter zip(path);
    zip.add(folder + "data.pkl", pickle());
    zip.add(folder + "byteorder", "little");
    std::size_t key = 0;
    for (const auto& [name, tensor] : tensors_)
        zip.add(folder + "data/" + std::to_string(key++), tensor.bytes);
    zip.add(folder + "version", "3\n");
    zip.commit();
}

}  // namespace lafs::inline LAFS_ABI
