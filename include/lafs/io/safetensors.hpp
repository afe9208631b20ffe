// safetensors files: named tensors and text metadata, the project's format for weights.
//
// Layout: u64 length of the header, JSON header, raw little-endian data (huggingface/safetensors).
// Reading treats the file as hostile: everything is checked against its size before anything is
// allocated. Writing is atomic, and the same content gives the same bytes: those of the reference
// implementation (but that metadata keys are in order here and in any order there).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/elements.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/io/safetensors_header.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Longest header that is read or written, as in the reference implementation.
inline constexpr std::uint64_t safetensors_max_header = 100'000'000;

/// What a file says of one tensor. `bytes` are the raw elements (not aligned), valid as long as the file.
struct SafetensorsInfo {
    DType dtype;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;

    std::size_t elements() const { return bytes.size() / size_of(dtype); }
};

/// An open safetensors file. Tensors are read from the disk when they are asked for.
class SafetensorsFile {
public:
    /// Opens and checks the file. Throws with file, offset or tensor, and what was expected.
    static SafetensorsFile open(const std::filesystem::path& path) { return SafetensorsFile(path); }

    /// The texts of `__metadata__`; empty without one.
    const std::map<std::string, std::string>& metadata() const { return metadata_; }

    /// One text of the metadata; throws when it is absent.
    const std::string& metadata(const std::string& key) const {
        const auto found = metadata_.find(key);
        require(found != metadata_.end(), "safetensors", path_, " has no metadata \"", key, "\"");
        return found->second;
    }

    /// All tensor names, sorted.
    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& [name, info] : tensors_)
            result.push_back(name);
        return result;
    }

    bool contains(const std::string& name) const { return tensors_.contains(name); }
    const std::filesystem::path& path() const { return path_; }

    /// Type, shape and raw bytes of a tensor; throws when it is absent.
    const SafetensorsInfo& info(const std::string& name) const {
        const auto found = tensors_.find(name);
        require(found != tensors_.end(), "safetensors", path_, " has no tensor \"", name, "\"");
        return found->second;
    }

    /// All elements in row-major order, converted between float types (rounded) or integer types
    /// (checked to fit; booleans are read as uint8). Other conversions throw.
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
    explicit SafetensorsFile(const std::filesystem::path& path);

    std::filesystem::path path_;
    MappedFile file_;
    std::map<std::string, std::string> metadata_;
    std::map<std::string, SafetensorsInfo> tensors_;
};

inline SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), file_(path) {
    const std::span<const std::byte> bytes = file_.bytes();
    require(bytes.size() >= 8, "safetensors", path, " has ", bytes.size(),
            " bytes, expected at least the 8 of the header length");
    std::uint64_t length;
    std::memcpy(&length, bytes.data(), 8);
    require(length <= safetensors_max_header && length <= bytes.size() - 8, "safetensors", path,
            " at byte 0: header of ", length, " bytes, expected at most ",
            std::min<std::uint64_t>(safetensors_max_header, bytes.size() - 8));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, length);
    require(text.starts_with('{'), "safetensors", path, " at byte 8: the header is not a JSON object");

    detail::SafetensorsEvents events;
    if (!nlohmann::ordered_json::sax_parse(text.begin(), text.end(), &events))
        fail("safetensors", "header of ", path, " ", events.problem);
    const std::span<const std::byte> data = bytes.subspan(8 + length);
    const std::string problem = detail::check_layout(events.header, data.size());
    require(problem.empty(), "safetensors", "header of ", path, " ", problem);

    metadata_ = std::move(events.header.metadata);
    for (auto& [name, entry] : events.header.tensors)
        tensors_.emplace(name, SafetensorsInfo{entry.dtype, std::move(entry.shape),
                                               data.subspan(entry.begin, entry.end - entry.begin)});
}

template <class T>
void SafetensorsFile::read(const std::string& name, std::span<T> out) const {
    const SafetensorsInfo& tensor = info(name);
    require(out.size() == tensor.elements(), "safetensors", "\"", name, "\" of ", path_, " has ",
            tensor.elements(), " elements, expected ", out.size());
    read_elements(tensor.dtype, tensor.bytes, out, "safetensors", "\"" + name + "\" of " + path_.string());
}

/// Collects tensors and texts, then writes them to one file.
///
/// Tensors given as an lvalue, span or view are not copied and must live until `save`; vectors given
/// as a temporary are kept.
class SafetensorsWriter {
public:
    /// Sets one text of the metadata.
    void metadata(const std::string& key, std::string value) { metadata_[key] = std::move(value); }

    /// Adds a tensor of any contiguous range. Throws for a repeated name or a size that is not the shape's.
    template <std::ranges::contiguous_range R>
    requires std::ranges::borrowed_range<R>
    void add(const std::string& name, const std::vector<std::int64_t>& shape, R&& values) {
        using T = std::ranges::range_value_t<R>;
        add_bytes(name, dtype_of<T>, shape,
                  std::as_bytes(std::span<const T>(std::ranges::data(values), std::ranges::size(values))));
    }

    /// Adds a tensor and keeps its values.
    template <class T>
    void add(const std::string& name, const std::vector<std::int64_t>& shape, std::vector<T>&& values) {
        auto kept = std::make_shared<std::vector<T>>(std::move(values));
        add(name, shape, *kept);
        kept_.push_back(std::move(kept));
    }

    /// Adds raw little-endian elements.
    void add_bytes(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
                   std::span<const std::byte> bytes) {
        const auto expected = checked_bytes(dtype, shape);
        require(expected && *expected == bytes.size(), "safetensors", "\"", name, "\" has ", bytes.size(),
                " bytes, which do not fit its shape");
        require(name != "__metadata__", "safetensors", "\"__metadata__\" cannot be the name of a tensor");
        require(tensors_.emplace(name, SafetensorsInfo{dtype, std::move(shape), bytes}).second, "safetensors",
                "the tensor \"", name, "\" was added twice");
    }

    /// Writes the file atomically. Tensors are in the reference implementation's order: by type, wider ones
    /// first, so that all elements are aligned, then by name.
    void save(const std::filesystem::path& path) const;

private:
    std::map<std::string, std::string> metadata_;
    std::map<std::string, SafetensorsInfo> tensors_;
    std::vector<std::shared_ptr<const void>> kept_;
};

inline void SafetensorsWriter::save(const std::filesystem::path& path) const {
    std::vector<const std::pair<const std::string, SafetensorsInfo>*> order;
    for (const auto& tensor : tensors_)
        order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) {
        return safetensors_rank(a->second.dtype) < safetensors_rank(b->second.dtype);
    });
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata_.empty())
        header["__metadata__"] = metadata_;
    // The tensors' names are distinct: appending them keeps their order and looks for none of them.
    auto& entries = header.get_ref<nlohmann::ordered_json::object_t&>();
    std::uint64_t position = 0;
    for (const auto* tensor : order) {
        const SafetensorsInfo& info = tensor->second;
        nlohmann::ordered_json entry = {{"dtype", safetensors_name(info.dtype)},
                                        {"shape", info.shape},
                                        {"data_offsets", {position, position + info.bytes.size()}}};
        entries.emplace_back(tensor->first, std::move(entry));
        position += info.bytes.size();
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::ordered_json::exception&) {
        fail("safetensors", "a name or metadata text for ", path, " is not valid UTF-8");
    }
    text.resize((text.size() + 7) / 8 * 8, ' ');
    require(text.size() <= safetensors_max_header, "safetensors", "the header of ", path, " would have ",
            text.size(), " bytes, expected at most ", safetensors_max_header);

    AtomicFile file(path);
    const std::uint64_t length = text.size();
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(text);
    for (const auto* tensor : order)
        file.write(tensor->second.bytes);
    file.commit();
}

}  // namespace lafs::inline LAFS_ABI
