// Bytes from their base64 text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lafs_test {

inline std::vector<std::byte> decode_base64(std::string_view text) {
    const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<std::byte> bytes;
    unsigned word = 0;
    int bits = 0;
    for (const char c : text) {
        if (c == '=')
            break;
        word = word << 6 | static_cast<unsigned>(letters.find(c));
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<std::byte>(word >> bits & 255u));
        }
    }
    return bytes;
}

}  // namespace lafs_test
