// Arrays of NumPy's .npy files.
//
//   save_npy("x.npy", x);                                  numpy.load reads it
//   const Tensor<float> x = load_npy<float>("x.npy");      numpy.save wrote it
//
// Written are the bytes of numpy.save: format 1.0, row-major, little-endian,
//
//   "\x93NUMPY" 1 0, u16 length of the header, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), },
//   raw data
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/core/list.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/elements.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/io/npy_header.hpp>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// NumPy's name of an element type, e.g. "<f4". Throws for bfloat16, which NumPy does not have.
inline const char* npy_name(DType type) {
    require(type != DType::bfloat16, "npy",
            "got bfloat16, expected a type that NumPy has, such as float32 or float16");
    return detail::npy_names[static_cast<int>(type)];
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
template <List X>
void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& shape, const X& values) {
    write_npy_bytes(path, dtype_of<element_of_list<X>>, shape, std::as_bytes(span_of(values)));
}

/// Writes a tensor, atomically.
template <class T, class D>
void save_npy(const std::filesystem::path& path, const Tensor<T, D>& tensor) {
    require(tensor.defined(), "npy", "got an undefined tensor for ", path);
    const std::span<const std::int64_t> sizes = tensor.shape().sizes();
    write_npy_bytes(path, dtype_of<T>, {sizes.begin(), sizes.end()}, std::as_bytes(on_host(tensor).span()));
}

namespace detail {
/// The elements of x (its axes reversed) in the order of rows: y[i, j, k] = x[k, j, i].
template <class T>
Tensor<T> with_axes_reversed(const Tensor<T>& x) {
    const int rank = x.rank();
    std::int64_t sizes[max_rank], steps[max_rank], at[max_rank] = {}, step = 1;
    for (int axis = 0; axis < rank; ++axis) {
        sizes[axis] = x.shape()[rank - 1 - axis];
        steps[axis] = step;
        step *= sizes[axis];
    }
    const auto y =
        Tensor<T>::empty(Shape(std::span<const std::int64_t>(sizes, static_cast<std::size_t>(rank))));
    std::int64_t from = 0;
    for (T& element : y.span()) {
        element = x.data()[from];
        for (int axis = rank - 1; axis >= 0; --axis) {
            from += steps[axis];
            if (++at[axis] < sizes[axis])
                break;
            from -= at[axis] * steps[axis];
            at[axis] = 0;
        }
    }
    return y;
}
}  // namespace detail

/// Reads an array as elements of T: floats of any width as floats (rounded), integers and booleans as integers
/// (they must fit; booleans of a tensor are std::uint8_t). Throws for what is no such file, and for more axes than
/// a tensor has.
template <class T>
Tensor<T> load_npy(const std::filesystem::path& path) {
    const MappedFile file(path);
    const std::string name = path.string();
    const NpyHeader header = read_npy_header(file.bytes(), name);
    const std::span<const std::byte> data = file.bytes().subspan(header.data);
    const auto expected = checked_bytes(header.type, header.shape);
    require(expected && *expected == data.size(), "npy", name, " has ", data.size(),
            " bytes of elements, which do not fit its shape");
    std::vector<std::int64_t> sizes = header.shape;
    if (header.columns_first)
        std::reverse(sizes.begin(), sizes.end());
    const auto x = Tensor<T>::empty(Shape(std::span<const std::int64_t>(sizes)));
    read_elements(header.type, data, x.span(), "npy", name);
    return header.columns_first ? detail::with_axes_reversed(x) : x;
}

}  // namespace lafs::inline LAFS_ABI
