// Writes .npy files, which numpy.load reads: format 1.0, row-major, little-endian, the bytes of numpy.save.
//
//   "\x93NUMPY" 1 0, u16 length of the header, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), },
//   raw data
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/elements.hpp>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// NumPy's name of an element type, e.g. "<f4". Throws for bfloat16, which NumPy does not have.
inline const char* npy_name(DType type) {
    require(type != DType::bfloat16, "npy",
            "got bfloat16, expected a type that NumPy has, such as float32 or float16");
    static constexpr const char* names[] = {"<f4", "<f8", nullptr, "<f2", "<i8",
                                            "<i4", "<i2", "|i1",   "|u1", "|b1"};
    return names[static_cast<int>(type)];
}

namespace detail {

/// What stands before the data. Its length is a multiple of 64, with room for 21 digits of the first size.
inline std::string npy_header(DType type, const std::vector<std::int64_t>& shape) {
    std::string sizes;
    for (const std::int64_t size : shape)
        sizes += std::to_string(size) + ", ";
    if (shape.size() > 1)
        sizes.resize(sizes.size() - 2);
    else if (shape.size() == 1)
        sizes.pop_back();
    std::string text = std::string("{'descr': '") + npy_name(type) + "', 'fortran_order': False, 'shape': (" +
                       sizes + "), }";
    constexpr std::size_t before = 10, digits = 21;
    if (!shape.empty())
        text.append(digits - std::to_string(shape[0]).size(), ' ');
    text.append(63 - (before + text.size()) % 64, ' ') += '\n';
    require(text.size() <= 0xFFFF, "npy", "got ", shape.size(), " axes, expected fewer");
    std::string header("\x93NUMPY\1\0", 8);
    header += static_cast<char>(text.size() & 255);
    header += static_cast<char>(text.size() >> 8);
    return header + text;
}

}  // namespace detail

/// Writes raw little-endian elements of one shape, atomically. Throws unless there are as many bytes as the
/// shape says.
inline void write_npy_bytes(const std::filesystem::path& path, DType type,
                            const std::vector<std::int64_t>& shape, std::span<const std::byte> bytes) {
    const auto expected = checked_bytes(type, shape);
    require(expected && *expected == bytes.size(), "npy", "the array for ", path, " has ", bytes.size(),
            " bytes, which do not fit its shape");
    AtomicFile file(path);
    file.write(detail::npy_header(type, shape));
    file.write(bytes);
    file.commit();
}

/// Writes an array of float, half, double, bool or integers, atomically. Throws unless it has as many
/// elements as the shape says.
template <class T>
void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& shape,
               std::span<const T> values) {
    write_npy_bytes(path, dtype_of<T>, shape, std::as_bytes(values));
}

}  // namespace lafs::inline LAFS_ABI
