// Names of files are bytes; JSON, HTML and logs are UTF-8. What is not UTF-8 is shown as U+FFFD there.
#pragma once

#include <cstddef>
#include <lafs/core/abi.hpp>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// The bytes at the beginning of a text that belong together: a character, or the beginning of one that
/// breaks off.
struct Utf8Step {
    std::size_t size = 1;
    bool valid = false;
};

/// The first step of a text that is not empty: a character of UTF-8 (Unicode, table 3-7: no surrogates, no
/// overlong forms, nothing above U+10FFFF), or as many bytes as could begin one, at least 1.
inline Utf8Step utf8_step(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {1, true};
    const std::size_t size = lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : 4;
    if (lead < 0xC2 || lead > 0xF4)
        return {1, false};
    unsigned char least = 0x80, most = 0xBF;  // of the second byte
    if (lead == 0xE0)
        least = 0xA0;
    if (lead == 0xED)
        most = 0x9F;
    if (lead == 0xF0)
        least = 0x90;
    if (lead == 0xF4)
        most = 0x8F;
    for (std::size_t i = 1; i < size; ++i) {
        if (i >= text.size() || byte(i) < least || byte(i) > most)
            return {i, false};
        least = 0x80;
        most = 0xBF;
    }
    return {size, true};
}

/// U+FFFD, which stands for what is not UTF-8.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// The text with U+FFFD for each step that is not UTF-8, as Python's decode(errors="replace") has it.
inline std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Utf8Step step = utf8_step(text);
        out += step.valid ? text.substr(0, step.size) : replacement_character;
        text.remove_prefix(step.size);
    }
    return out;
}

}  // namespace lafs::inline LAFS_ABI
