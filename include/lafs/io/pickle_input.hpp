// The bytes of a pickle, read opcode by opcode; every length is checked against what is left.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <lafs/core/error.hpp>
#include <lafs/io/pickle_text.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI::detail {

/// The name of an opcode as Python's pickletools prints it; empty for what is none.
inline std::string_view pickle_opcode_name(char opcode) {
    static constexpr std::pair<char, std::string_view> names[] = {{'(', "MARK"},
                                                                  {'.', "STOP"},
                                                                  {'0', "POP"},
                                                                  {'1', "POP_MARK"},
                                                                  {'2', "DUP"},
                                                                  {'F', "FLOAT"},
                                                                  {'I', "INT"},
                                                                  {'J', "BININT"},
                                                                  {'K', "BININT1"},
                                                                  {'L', "LONG"},
                                                                  {'M', "BININT2"},
                                                                  {'N', "NONE"},
                                                                  {'P', "PERSID"},
                                                                  {'Q', "BINPERSID"},
                                                                  {'R', "REDUCE"},
                                                                  {'S', "STRING"},
                                                                  {'T', "BINSTRING"},
                                                                  {'U', "SHORT_BINSTRING"},
                                                                  {'V', "UNICODE"},
                                                                  {'X', "BINUNICODE"},
                                                                  {'a', "APPEND"},
                                                                  {'b', "BUILD"},
                                                                  {'c', "GLOBAL"},
                                                                  {'d', "DICT"},
                                                                  {'}', "EMPTY_DICT"},
                                                                  {'e', "APPENDS"},
                                                                  {'g', "GET"},
                                                                  {'h', "BINGET"},
                                                                  {'i', "INST"},
                                                                  {'j', "LONG_BINGET"},
                                                                  {'l', "LIST"},
                                                                  {']', "EMPTY_LIST"},
                                                                  {'o', "OBJ"},
                                                                  {'p', "PUT"},
                                                                  {'q', "BINPUT"},
                                                                  {'r', "LONG_BINPUT"},
                                                                  {'s', "SETITEM"},
                                                                  {'t', "TUPLE"},
                                                                  {')', "EMPTY_TUPLE"},
                                                                  {'u', "SETITEMS"},
                                                                  {'G', "BINFLOAT"},
                                                                  {'B', "BINBYTES"},
                                                                  {'C', "SHORT_BINBYTES"},
                                                                  {'\x80', "PROTO"},
                                                                  {'\x81', "NEWOBJ"},
                                                                  {'\x82', "EXT1"},
                                                                  {'\x83', "EXT2"},
                                                                  {'\x84', "EXT4"},
                                                                  {'\x85', "TUPLE1"},
                                                                  {'\x86', "TUPLE2"},
                                                                  {'\x87', "TUPLE3"},
                                                                  {'\x88', "NEWTRUE"},
                                                                  {'\x89', "NEWFALSE"},
                                                                  {'\x8a', "LONG1"},
                                                                  {'\x8b', "LONG4"},
                                                                  {'\x8c', "SHORT_BINUNICODE"},
                                                                  {'\x8d', "BINUNICODE8"},
                                                                  {'\x8e', "BINBYTES8"},
                                                                  {'\x8f', "EMPTY_SET"},
                                                                  {'\x90', "ADDITEMS"},
                                                                  {'\x91', "FROZENSET"},
                                                                  {'\x92', "NEWOBJ_EX"},
                                                                  {'\x93', "STACK_GLOBAL"},
                                                                  {'\x94', "MEMOIZE"},
                                                                  {'\x95', "FRAME"},
                                                                  {'\x96', "BYTEARRAY8"},
                                                                  {'\x97', "NEXT_BUFFER"},
                                                                  {'\x98', "READONLY_BUFFER"}};
    const auto* const found = std::find_if(std::begin(names), std::end(names),
                                           [&](const auto& entry) { return entry.first == opcode; });
    return found == std::end(names) ? std::string_view() : found->second;
}

/// Reads forward; errors name the source, the opcode and its place.
class PickleInput {
public:
    /// `source` must outlive it.
    PickleInput(std::span<const std::byte> bytes, const std::string& source)
        : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), source_(source) {}

    std::size_t size() const { return bytes_.size(); }
    std::size_t left() const { return bytes_.size() - at_; }
    /// Where the opcode in hand is.
    std::size_t opcode_at() const { return opcode_at_; }

    /// Throws with the place unless the condition holds.
    template <class... Parts>
    void require(bool condition, const Parts&... parts) const {
        if (!condition) [[unlikely]]
            fail("pickle", source_, " at byte ", opcode_at_, opcode_name(), ": ", parts...);
    }

    char next_opcode() {
        opcode_at_ = at_;
        const bool first = at_ == 0;
        in_opcode_ = false;
        require(left() > 0, first ? "got 0 bytes, expected a pickle" : "the pickle ends without STOP");
        in_opcode_ = true;
        return bytes_[at_++];
    }

    std::string_view take(std::uint64_t size) {
        require(size <= left(), "got a length of ", size, " bytes, but only ", left(), " are left");
        const std::string_view result = bytes_.substr(at_, static_cast<std::size_t>(size));
        at_ += static_cast<std::size_t>(size);
        return result;
    }

    /// A little-endian number.
    template <class T>
    T number() {
        T value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }

    /// The text up to the end of the line.
    std::string_view line() {
        const std::size_t end = bytes_.find('\n', at_);
        require(end != std::string_view::npos, "the line does not end");
        const std::string_view line = bytes_.substr(at_, end - at_);
        at_ = end + 1;
        return line;
    }

    /// A memo index in decimal.
    std::uint64_t index() {
        const std::string_view text = line();
        const auto index = parse_number<std::uint64_t>(text);
        require(index.has_value(), "got \"", text.substr(0, 40), "\", expected a memo index");
        return *index;
    }

private:
    /// " (NAME)", or the value of what is no opcode.
    std::string opcode_name() const {
        static constexpr char digits[] = "0123456789abcdef";
        if (!in_opcode_)
            return {};
        const char opcode = bytes_[opcode_at_];
        const auto byte = static_cast<unsigned char>(opcode);
        const std::string_view name = pickle_opcode_name(opcode);
        return name.empty() ? std::string(" (0x") + digits[byte >> 4] + digits[byte & 15] + ")"
                            : " (" + std::string(name) + ")";
    }

    std::string_view bytes_;
    const std::string& source_;
    std::size_t at_ = 0, opcode_at_ = 0;
    bool in_opcode_ = false;
};

}  // namespace lafs::inline LAFS_ABI::detail
