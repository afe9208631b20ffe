// The device that a program computes on, as its user names it: cpu, cuda or cuda:1.
#pragma once

#include <charconv>
#include <lafs/core/error.hpp>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// The processor, or a GPU by its number.
struct DeviceChoice {
    bool cuda = false;
    int index = 0;  ///< of the GPU

    friend bool operator==(const DeviceChoice&, const DeviceChoice&) = default;
};

/// "cpu", "cuda" (the first GPU) or "cuda:1". Throws for another text.
inline DeviceChoice parse_device(std::string_view text) {
    constexpr std::string_view numbered = "cuda:";
    if (text == "cpu")
        return {};
    if (text == "cuda")
        return {true, 0};
    DeviceChoice choice{true, -1};
    if (text.starts_with(numbered)) {
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data() + numbered.size(), end, choice.index);
        if (error != std::errc() || rest != end)
            choice.index = -1;
    }
    require(choice.index >= 0, "device", "got \"", text,
            "\", expected cpu, cuda or cuda:N, the number of a GPU");
    return choice;
}

/// The text that parse_device reads.
inline std::string device_text(const DeviceChoice& choice) {
    return choice.cuda ? "cuda:" + std::to_string(choice.index) : "cpu";
}

}  // namespace lafs::inline LAFS_ABI
