// Element types: the two 16-bit storage floats and the names of all types a tensor or file can hold.
//
// `bfloat16` and `half` only store: arithmetic happens after the (exact) conversion to float.
// Conversions from float round to nearest, ties to even; overflow gives infinity, a NaN stays a quiet
// NaN with its sign, denormals are kept. They are bit manipulations, equal on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/abi.hpp>
#include <lafs/core/error.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

/// The upper half of a float: 8 exponent bits, 7 mantissa bits.
struct bfloat16 {
    std::uint16_t bits;

    bfloat16() = default;

    /// Rounds `value` to nearest even.
    LAFS_HOST_DEVICE constexpr explicit bfloat16(float value) : bits(round(value)) {}

    /// Exact.
    LAFS_HOST_DEVICE constexpr operator float() const {
        return __builtin_bit_cast(float, std::uint32_t{bits} << 16);
    }

    /// The value with exactly these bits.
    LAFS_HOST_DEVICE static constexpr bfloat16 from_bits(std::uint16_t bits) {
        bfloat16 result(0.0f);
        result.bits = bits;
        return result;
    }

private:
    LAFS_HOST_DEVICE static constexpr std::uint16_t round(float value) {
        const std::uint32_t x = __builtin_bit_cast(std::uint32_t, value);
        if ((x & 0x7FFFFFFFu) > 0x7F800000u)  // rounding could carry a NaN to infinity
            return static_cast<std::uint16_t>(x >> 16 | 0x40u);
        return static_cast<std::uint16_t>((x + 0x7FFFu + (x >> 16 & 1u)) >> 16);
    }
};

/// IEEE 754 binary16: 5 exponent bits, 10 mantissa bits.
struct half {
    std::uint16_t bits;

    half() = default;

    /// Rounds `value` to nearest even; from 65520 on it is infinity.
    LAFS_HOST_DEVICE constexpr explicit half(float value) : bits(round(value)) {}

    /// Exact.
    LAFS_HOST_DEVICE constexpr operator float() const {
        const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
        const std::uint32_t exponent = bits >> 10 & 0x1Fu, mantissa = bits & 0x3FFu;
        if (exponent == 0) {  // zero or denormal: mantissa * 2^-24
            const float magnitude = static_cast<float>(mantissa) * (1.0f / 16777216.0f);
            return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, magnitude));
        }
        const std::uint32_t wide = exponent == 31 ? 255 : exponent + (127 - 15);
        return __builtin_bit_cast(float, sign | wide << 23 | mantissa << 13);
    }

    /// The value with exactly these bits.
    LAFS_HOST_DEVICE static constexpr half from_bits(std::uint16_t bits) {
        half result(0.0f);
        result.bits = bits;
        return result;
    }

private:
    /// value / 2^shift of an unsigned integer, to nearest even.
    LAFS_HOST_DEVICE static constexpr std::uint32_t shift_to_nearest(std::uint32_t value, int shift) {
        const std::uint32_t below_half = (1u << (shift - 1)) - 1u;
        return (value + below_half + (value >> shift & 1u)) >> shift;
    }

    LAFS_HOST_DEVICE static constexpr std::uint16_t round(float value) {
        const std::uint32_t x = __builtin_bit_cast(std::uint32_t, value);
        const std::uint32_t sign = x >> 16 & 0x8000u, magnitude = x & 0x7FFFFFFFu;
        std::uint32_t result = 0;
        if (magnitude > 0x7F800000u)
            result = 0x7E00u | (magnitude >> 13 & 0x3FFu);
        else if (magnitude >= 0x477FF000u)  // 65520, halfway between the largest half and 2^16
            result = 0x7C00u;
        else if (magnitude >= 0x38800000u)  // 2^-14, the smallest normal half
            result = shift_to_nearest(magnitude - ((127u - 15u) << 23), 13);
        else if (magnitude > 0x33000000u)  // above 2^-25, which rounds to zero
            result = shift_to_nearest((magnitude & 0x7FFFFFu) | 0x800000u,
                                      126 - static_cast<int>(magnitude >> 23));
        return static_cast<std::uint16_t>(sign | result);
    }
};

static_assert(sizeof(bfloat16) == 2 && std::is_trivially_copyable_v<bfloat16>);
static_assert(sizeof(half) == 2 && std::is_trivially_copyable_v<half>);

/// The type that elements of a storage type are computed in: float, or double for double and for integers that a
/// float has not the digits for (they are exact up to 2^53 then).
template <class T>
using compute_t =
    std::conditional_t<std::is_same_v<T, double> || (std::is_integral_v<T> && sizeof(T) > 2), double, float>;

/// Every element type that tensors and files hold.
enum class DType { float32, float64, bfloat16, float16, int64, int32, int16, int8, uint8, boolean };

namespace detail {

template <class T>
constexpr DType find_dtype() {
    constexpr bool integer = std::is_integral_v<T> && std::is_signed_v<T> && !std::is_same_v<T, char>;
    if constexpr (std::is_same_v<T, float>)
        return DType::float32;
    else if constexpr (std::is_same_v<T, double>)
        return DType::float64;
    else if constexpr (std::is_same_v<T, bfloat16>)
        return DType::bfloat16;
    else if constexpr (std::is_same_v<T, half>)
        return DType::float16;
    else if constexpr (std::is_same_v<T, bool>)
        return DType::boolean;
    else if constexpr (std::is_same_v<T, std::uint8_t>)
        return DType::uint8;
    else if constexpr (integer && sizeof(T) == 8)  // long and long long alike
        return DType::int64;
    else if constexpr (integer && sizeof(T) == 4)
        return DType::int32;
    else if constexpr (integer && sizeof(T) == 2)
        return DType::int16;
    else if constexpr (integer && sizeof(T) == 1)
        return DType::int8;
    else
        static_assert(sizeof(T) == 0, "lafs has no element type for this C++ type");
}

}  // namespace detail

/// The DType of a C++ element type; other types do not compile.
template <class T>
inline constexpr DType dtype_of = detail::find_dtype<std::remove_cv_t<T>>();

/// Bytes of one element.
constexpr std::size_t size_of(DType type) {
    switch (type) {
        case DType::float64:
        case DType::int64:
            return 8;
        case DType::float32:
        case DType::int32:
            return 4;
        case DType::bfloat16:
        case DType::float16:
        case DType::int16:
            return 2;
        case DType::int8:
        case DType::uint8:
        case DType::boolean:
            return 1;
    }
    fail("dtype", "got the invalid type number ", static_cast<int>(type));
}

/// The name used in messages, e.g. "float32".
constexpr const char* name(DType type) {
    switch (type) {
        case DType::float32:
            return "float32";
        case DType::float64:
            return "float64";
        case DType::bfloat16:
            return "bfloat16";
        case DType::float16:
            return "float16";
        case DType::int64:
            return "int64";
        case DType::int32:
            return "int32";
        case DType::int16:
            return "int16";
        case DType::int8:
            return "int8";
        case DType::uint8:
            return "uint8";
        case DType::boolean:
            return "boolean";
    }
    fail("dtype", "got the invalid type number ", static_cast<int>(type));
}

/// float32, float64, bfloat16 or float16.
constexpr bool is_floating(DType type) {
    return type == DType::float32 || type == DType::float64 || type == DType::bfloat16 ||
           type == DType::float16;
}

}  // namespace lafs::inline LAFS_ABI
