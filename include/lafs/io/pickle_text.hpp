// The text forms of pickle's oldest protocol: numbers in decimal, strings with escapes.
#pragma once

#include <charconv>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace lafs::inline LAFS_ABI::detail {

/// The whole text as a number; nothing when it is none, or does not fit.
template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

/// The value of `digits` hexadecimal digits at `at`; nothing when they are not there.
inline std::optional<std::uint32_t> parse_hex(std::string_view text, std::size_t at, std::size_t digits) {
    if (at > text.size() || digits > text.size() - at)
        return std::nullopt;
    std::uint32_t value = 0;
    const char* const begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + digits, value, 16);
    if (error != std::errc() || end != begin + digits)
        return std::nullopt;
    return value;
}

/// Appends one code point as UTF-8.
inline void append_utf8(std::string& text, std::uint32_t code) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (code < 0x80) {
        text += static_cast<char>(code);
    } else if (code < 0x800) {
        text += static_cast<char>(0xC0 | code >> 6);
        tail(0);
    } else if (code < 0x10000) {
        text += static_cast<char>(0xE0 | code >> 12);
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xF0 | code >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

/// A Python string literal in its quotes, as Python 2 wrote strings; nothing when it is malformed.
inline std::optional<std::string> parse_quoted(std::string_view text) {
    if (text.size() < 2 || (text.front() != '\'' && text.front() != '"') || text.back() != text.front())
        return std::nullopt;
    text = text.substr(1, text.size() - 2);
    static constexpr std::string_view letters = "\\'\"nrtabfv", meanings = "\\'\"\n\r\t\a\b\f\v";
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            result += text[i];
            continue;
        }
        if (++i == text.size())
            return std::nullopt;
        if (const auto letter = letters.find(text[i]); letter != std::string_view::npos) {
            result += meanings[letter];
        } else {
            const auto value = text[i] == 'x' ? parse_hex(text, i + 1, 2) : std::nullopt;
            if (!value)
                return std::nullopt;
            result += static_cast<char>(*value);
            i += 2;
        }
    }
    return result;
}

/// Latin-1 with \uXXXX and \UXXXXXXXX, to UTF-8; nothing when an escape is malformed.
inline std::optional<std::string> parse_raw_unicode(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char kind = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
        if (kind != 'u' && kind != 'U') {
            append_utf8(result, static_cast<unsigned char>(text[i]));
            continue;
        }
        const std::size_t digits = kind == 'u' ? 4 : 8;
        const auto code = parse_hex(text, i + 2, digits);
        if (!code || *code > 0x10FFFF)
            return std::nullopt;
        append_utf8(result, *code);
        i += 1 + digits;
    }
    return result;
}

/// The bytes whose Latin-1 reading is this UTF-8 text; nothing when it holds other characters.
inline std::optional<std::string> latin1_bytes(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
            result += static_cast<char>(byte);
            continue;
        }
        // C2 or C3, then one more: the code points 80 to FF
        if ((byte != 0xC2 && byte != 0xC3) || ++i == text.size() ||
            (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80)
            return std::nullopt;
        result += static_cast<char>((byte & 3) << 6 | (static_cast<unsigned char>(text[i]) & 0x3F));
    }
    return result;
}

}  // namespace lafs::inline LAFS_ABI::detail
