// Embeddings on the disk: (N, D) values as .npy, or as safetensors with their labels.
//
//   x.npy           float32 or float16, (N, D)
//   x.safetensors   `embeddings` (N, D) and `labels` (N), int64; metadata say how they were made
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/io/npy.hpp>
#include <lafs/io/safetensors.hpp>
#include <lafs/io/spool_file.hpp>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Takes rows one batch after the other and writes the file when their number is known.
class EmbeddingFile {
public:
    /// Throws for another ending than .npy or .safetensors, another type than float32 or float16, and a
    /// folder that cannot be written.
    explicit EmbeddingFile(std::filesystem::path path, DType type = DType::float32)
        : path_(checked(std::move(path), type)), type_(type), rows_(path_.parent_path()) {}

    /// Appends whole rows; float16 is rounded to nearest.
    void append(std::span<const float> values) {
        if (type_ == DType::float32)
            return rows_.write(std::as_bytes(values));
        std::vector<half> rounded(values.begin(), values.end());
        rows_.write(std::as_bytes(std::span(rounded)));
    }

    /// Writes the file, atomically. Throws unless there are as many labels as rows of `dim` values.
    void save(std::int64_t dim, const std::vector<std::int64_t>& labels,
              const std::map<std::string, std::string>& metadata = {}) {
        const std::vector<std::int64_t> shape{static_cast<std::int64_t>(labels.size()), dim};
        const auto expected = checked_bytes(type_, shape);
        require(expected && *expected == rows_.size(), "embeddings", "got ", rows_.size(), " bytes for ",
                path_, ", expected ", labels.size(), " rows of ", dim, ' ', name(type_));
        if (lower_extension(path_) == ".npy")
            return write_npy_bytes(path_, type_, shape, rows_.bytes());
        SafetensorsWriter writer;
        for (const auto& [key, value] : metadata)
            writer.metadata(key, value);
        writer.add_bytes("embeddings", type_, shape, rows_.bytes());
        writer.add("labels", {shape[0]}, labels);
        writer.save(path_);
    }

private:
    static std::filesystem::path checked(std::filesystem::path path, DType type) {
        const std::string extension = lower_extension(path);
        require(extension == ".npy" || extension == ".safetensors", "embeddings", "got the file ", path,
                ", expected a name that ends in .npy or .safetensors");
        require(type == DType::float32 || type == DType::float16, "embeddings", "got ", name(type),
                ", expected float32 or float16");
        return path;
    }

    std::filesystem::path path_;
    DType type_;
    SpoolFile rows_;
};

}  // namespace lafs::inline LAFS_ABI
