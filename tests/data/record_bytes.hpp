// Record files written by hand, byte by byte, for tests of the readers.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace lafs_test {

inline std::string u32(std::uint32_t value) {
    std::string bytes(4, '\0');
    for (int i = 0; i < 4; ++i)
        bytes[static_cast<std::size_t>(i)] = static_cast<char>(value >> 8 * i);
    return bytes;
}

inline std::string u64(std::uint64_t value) {
    return u32(static_cast<std::uint32_t>(value)) + u32(static_cast<std::uint32_t>(value >> 32));
}

inline std::string f32(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return u32(bits);
}

inline const std::string magic_bytes("\x0A\x23\xD7\xCE", 4);

/// One part: magic number, flag and length, payload, zeros to a multiple of 4 bytes.
inline std::string part(std::uint32_t flag, const std::string& payload) {
    return magic_bytes + u32(flag << 29 | static_cast<std::uint32_t>(payload.size())) + payload +
           std::string((4 - payload.size() % 4) % 4, '\0');
}

/// A payload: header, labels, image.
inline std::string image_payload(float label, std::uint64_t id, const std::string& image,
                                 const std::vector<float>& labels = {}) {
    std::string payload = u32(static_cast<std::uint32_t>(labels.size())) + f32(label) + u64(id) + u64(0);
    for (const float value : labels)
        payload += f32(value);
    return payload + image;
}

/// A grey picture of 1 x 1 as a PGM file.
inline std::string dot(char grey) {
    return std::string("P5\n1 1\n255\n") + grey;
}

/// An InsightFace set: images of classes 5, 5, 5, 9, 9 with the keys 1 to 5, two identities.
inline std::vector<std::string> described_set() {
    std::vector<std::string> payloads = {image_payload(0, 0, "", {6, 8})};
    for (int i = 1; i <= 5; ++i)
        payloads.push_back(image_payload(i <= 3 ? 5.0f : 9.0f, static_cast<std::uint64_t>(i),
                                         dot(static_cast<char>(10 * i))));
    payloads.push_back(image_payload(0, 6, "", {1, 4}));
    payloads.push_back(image_payload(0, 7, "", {4, 6}));
    return payloads;
}

struct RecordText {
    std::string records, index;
    std::vector<std::size_t> offsets;
};

/// Whole records with the keys 0, 1, 2 ... and their index.
inline RecordText record_text(const std::vector<std::string>& payloads) {
    RecordText text;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        text.index += std::to_string(i) + "\t" + std::to_string(text.records.size()) + "\n";
        text.offsets.push_back(text.records.size());
        text.records += part(0, payloads[i]);
    }
    return text;
}

}  // namespace lafs_test
