#include <cmath>
#include <cstdint>
#include <cstring>
#include <lafs/core/dtype.hpp>
#include <limits>

#include "catch.hpp"

using lafs::bfloat16;
using lafs::DType;
using lafs::half;

namespace {

float from_word(std::uint32_t word) {
    float value;
    std::memcpy(&value, &word, 4);
    return value;
}

// The value of a half from its definition: (-1)^s 2^(e-15) 1.m, or 2^-14 0.m.
double half_value(unsigned bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double mantissa = static_cast<double>(bits & 1023) / 1024;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -14) : std::ldexp(1 + mantissa, exponent - 15);
    return bits & 0x8000 ? -magnitude : magnitude;
}

}  // namespace

TEST_CASE("half has the bit patterns of IEEE binary16", "[core]") {
    CHECK(half(0.0f).bits == 0x0000);
    CHECK(half(-0.0f).bits == 0x8000);
    CHECK(half(1.0f).bits == 0x3C00);
    CHECK(half(-2.0f).bits == 0xC000);
    CHECK(half(0.333251953125f).bits == 0x3555);
    CHECK(half(65504.0f).bits == 0x7BFF);
    CHECK(half(65519.996f).bits == 0x7BFF);
    CHECK(half(65520.0f).bits == 0x7C00);
    CHECK(half(1e30f).bits == 0x7C00);
    CHECK(half(-std::numeric_limits<float>::infinity()).bits == 0xFC00);
    CHECK(half(6.103515625e-05f).bits == 0x0400);             // 2^-14
    CHECK(half(std::ldexp(1.0f, -24)).bits == 0x0001);        // smallest denormal
    CHECK(half(std::ldexp(1.0f, -25)).bits == 0x0000);        // tie to even
    CHECK(half(std::ldexp(1.0000001f, -25)).bits == 0x0001);  // just above the tie
    CHECK(half(std::ldexp(3.0f, -25)).bits == 0x0002);        // tie to even, upwards
    CHECK(half(1.0f + std::ldexp(1.0f, -11)).bits == 0x3C00);
    CHECK(half(1.0f + std::ldexp(3.0f, -11)).bits == 0x3C02);
    CHECK(half(std::numeric_limits<float>::denorm_min()).bits == 0);
}

TEST_CASE("every half converts to its value and back", "[core]") {
    int wrong = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const float value = half::from_bits(static_cast<std::uint16_t>(bits));
        if ((bits & 0x7C00) == 0x7C00)
            wrong += (bits & 0x3FF) ? !std::isnan(value) : !std::isinf(value);
        else
            wrong += static_cast<double>(value) != half_value(bits) || half(value).bits != bits;
    }
    CHECK(wrong == 0);
}

TEST_CASE("half rounds to the nearest neighbour everywhere", "[core]") {
    int wrong = 0;
    for (unsigned bits = 0; bits < 0x7BFF; ++bits) {
        const double low = half_value(bits), high = half_value(bits + 1);
        const float middle = static_cast<float>((low + high) / 2);  // exact in float
        wrong += half(middle).bits != bits + (bits & 1);
        wrong += half(std::nextafter(middle, 0.0f)).bits != bits;
        wrong += half(std::nextafter(middle, 1e9f)).bits != bits + 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("bfloat16 is the rounded upper half of a float", "[core]") {
    CHECK(bfloat16(1.0f).bits == 0x3F80);
    CHECK(bfloat16(-0.0f).bits == 0x8000);
    CHECK(bfloat16(3.14159265f).bits == 0x4049);
    CHECK(bfloat16(from_word(0x3F808000)).bits == 0x3F80);  // tie to even
    CHECK(bfloat16(from_word(0x3F818000)).bits == 0x3F82);
    CHECK(bfloat16(from_word(0x3F808001)).bits == 0x3F81);
    CHECK(bfloat16(std::numeric_limits<float>::max()).bits == 0x7F80);
    CHECK(bfloat16(from_word(0x00010000)).bits == 0x0001);  // denormal
    CHECK(bfloat16(-std::numeric_limits<float>::infinity()).bits == 0xFF80);
    int wrong = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const float value = bfloat16::from_bits(static_cast<std::uint16_t>(bits));
        std::uint32_t word;
        std::memcpy(&word, &value, 4);
        wrong += word != bits << 16;
        if (!std::isnan(value))
            wrong += bfloat16(value).bits != bits;
    }
    CHECK(wrong == 0);
}

TEST_CASE("NaN stays NaN in 16 bits", "[core]") {
    for (const std::uint32_t word : {0x7F800001u, 0x7FC00000u, 0x7FFFFFFFu, 0xFF800001u}) {
        const float value = from_word(word);
        CHECK(std::isnan(static_cast<float>(half(value))));
        CHECK(std::isnan(static_cast<float>(bfloat16(value))));
        CHECK(half(value).bits >> 15 == word >> 31);
        CHECK(bfloat16(value).bits >> 15 == word >> 31);
    }
}

TEST_CASE("types know their size and name", "[core]") {
    CHECK(lafs::dtype_of<float> == DType::float32);
    CHECK(lafs::dtype_of<const half> == DType::float16);
    CHECK(lafs::dtype_of<bfloat16> == DType::bfloat16);
    CHECK(lafs::dtype_of<long> == DType::int64);
    CHECK(lafs::dtype_of<long long> == DType::int64);
    CHECK(lafs::dtype_of<std::uint8_t> == DType::uint8);
    CHECK(lafs::dtype_of<bool> == DType::boolean);
    CHECK(lafs::size_of(DType::bfloat16) == 2);
    CHECK(lafs::size_of(DType::int64) == 8);
    CHECK(lafs::size_of(DType::boolean) == 1);
    CHECK(std::string(lafs::name(DType::float16)) == "float16");
    CHECK_THROWS_AS(lafs::size_of(static_cast<DType>(99)), lafs::Error);
}
