// Elements of a file's tensor as numbers of the type that a program wants.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

static_assert(std::endian::native == std::endian::little, "elements of files are copied as they are");

/// The number of bytes of a tensor, or nothing when a size is negative or the product overflows.
inline std::optional<std::uint64_t> checked_bytes(DType type, const std::vector<std::int64_t>& shape) {
    std::uint64_t bytes = size_of(type);
    for (const std::int64_t size : shape)
        if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes))
            return std::nullopt;
    return bytes;
}

namespace detail {

/// Elements of type S at `bytes` as numbers of type T. Integers must fit; floats round.
template <class S, class T>
void convert_elements(std::span<const std::byte> bytes, std::span<T> out, const char* operation,
                      const std::string& what) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        S value;
        std::memcpy(&value, bytes.data() + i * sizeof(S), sizeof(S));
        if constexpr (std::is_integral_v<T>) {
            require(std::in_range<T>(value), operation, what, " holds ", +value, ", which does not fit in ",
                    lafs::name(dtype_of<T>));
            out[i] = static_cast<T>(value);
        } else if constexpr (std::is_same_v<T, double>) {
            out[i] = static_cast<T>(value);
        } else {
            out[i] = static_cast<T>(static_cast<float>(value));
        }
    }
}

}  // namespace detail

/// Copies the elements of type `dtype` at `bytes` (little-endian, as many as `out` holds), converted between
/// float types (rounded) or integer types (checked to fit; booleans are integers). Throws for other
/// conversions, and for integers that do not fit. `operation` and `what` are for messages.
template <class T>
void read_elements(DType dtype, std::span<const std::byte> bytes, std::span<T> out, const char* operation,
                   const std::string& what) {
    static_assert(!std::is_same_v<T, bool>, "read booleans as std::uint8_t: a file may hold any byte");
    require(is_floating(dtype) == is_floating(dtype_of<T>), operation, what, " is ", lafs::name(dtype),
            ", expected ", lafs::name(dtype_of<T>));
    require(bytes.size() == out.size() * size_of(dtype), operation, what, " has ", bytes.size(),
            " bytes, expected ", out.size(), " elements of ", lafs::name(dtype));
    if (dtype == dtype_of<T>) {
        if (!out.empty())
            std::memcpy(out.data(), bytes.data(), bytes.size());
        return;
    }
    const auto convert = [&]<class S>(S) { detail::convert_elements<S>(bytes, out, operation, what); };
    if constexpr (is_floating(dtype_of<T>)) {
        switch (dtype) {
            case DType::float64:
                return convert(double{});
            case DType::bfloat16:
                return convert(bfloat16{});
            case DType::float16:
                return convert(half{});
            default:
                return convert(float{});
        }
    } else {
        switch (dtype) {
            case DType::int64:
                return convert(std::int64_t{});
            case DType::int32:
                return convert(std::int32_t{});
            case DType::int16:
                return convert(std::int16_t{});
            case DType::int8:
                return convert(std::int8_t{});
            default:  // uint8 and boolean
                return convert(std::uint8_t{});
        }
    }
}

}  // namespace lafs::inline LAFS_ABI
