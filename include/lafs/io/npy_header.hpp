// The header of a .npy file, read: what io/npy.hpp says it writes, in all forms that NumPy has given it.
//
//   "\x93NUMPY" major minor, length of the text (u16 in version 1, u32 from 2 on), a Python dictionary as text,
//   raw data
//
// The file is untrusted: the text is read by a parser of exactly this dictionary, lengths are compared with what
// is there.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What an array of a .npy file is.
struct NpyHeader {
    DType type = DType::float32;
    bool columns_first = false;  ///< Fortran's order: the first axis varies fastest
    std::vector<std::int64_t> shape;
    std::size_t data = 0;  ///< where the elements begin
};

namespace detail {

inline constexpr const char* npy_names[] = {"<f4", "<f8", nullptr, "<f2", "<i8",
                                            "<i4", "<i2", "|i1",   "|u1", "|b1"};

/// Reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, keys in any order.
class NpyDictionary {
public:
    NpyDictionary(std::string_view text, const std::string& file) : text_(text), file_(file) {}

    NpyHeader read() {
        NpyHeader header;
        bool has_type = false, has_order = false, has_shape = false;
        expect('{');
        while (!take('}')) {
            const std::string_view key = quoted();
            expect(':');
            if (key == "descr" && !has_type) {
                header.type = type();
                has_type = true;
            } else if (key == "fortran_order" && !has_order) {
                header.columns_first = truth();
                has_order = true;
            } else if (key == "shape" && !has_shape) {
                header.shape = sizes();
                has_shape = true;
            } else {
                damaged("the key " + std::string(key));
            }
            if (!take(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (!text_.empty() || !has_type || !has_order || !has_shape)
            damaged(text_.empty() ? "no descr, fortran_order or shape" : "text after the dictionary");
        return header;
    }

private:
    [[noreturn]] void damaged(const std::string& what) const {
        fail("npy", file_, ": got ", what, " in the header, expected {'descr': ..., 'fortran_order': ..., ",
             "'shape': ...}");
    }

    void skip_space() {
        const std::size_t begin = text_.find_first_not_of(" \n");
        text_.remove_prefix(begin == std::string_view::npos ? text_.size() : begin);
    }
    bool take(char wanted) {
        skip_space();
        if (text_.empty() || text_.front() != wanted)
            return false;
        text_.remove_prefix(1);
        return true;
    }
    void expect(char wanted) {
        if (!take(wanted))
            damaged(std::string("no '") + wanted + "' where one belongs");
    }

    std::string_view quoted() {
        const char quote = take('\'') ? '\'' : take('"') ? '"' : '\0';
        const std::size_t end = quote ? text_.find(quote) : std::string_view::npos;
        if (end == std::string_view::npos)
            damaged("no text in quotes where one belongs");
        const std::string_view result = text_.substr(0, end);
        text_.remove_prefix(end + 1);
        return result;
    }

    DType type() {
        const std::string_view name = quoted();
        for (int i = 0; i < static_cast<int>(std::size(npy_names)); ++i)
            if (npy_names[i] &&
                (name == npy_names[i] || (name.size() == 3 && name.substr(1) == &npy_names[i][1] &&
                                          size_of(static_cast<DType>(i)) == 1)))
                return static_cast<DType>(i);
        fail("npy", file_, ": got elements of type \"", name,
             "\", expected little-endian floats, signed integers, \"|u1\" or \"|b1\"");
    }

    bool truth() {
        skip_space();
        for (const std::string_view word : {std::string_view("True"), std::string_view("False")})
            if (text_.substr(0, word.size()) == word) {
                text_.remove_prefix(word.size());
                return word == "True";
            }
        damaged("neither True nor False where one belongs");
    }

    std::vector<std::int64_t> sizes() {
        std::vector<std::int64_t> result;
        expect('(');
        while (!take(')')) {
            skip_space();
            std::int64_t size = 0;
            const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
            if (error != std::errc() || size < 0 || result.size() == 64)
                damaged("a shape that is none");
            text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
            take('L');  // Python 2 wrote long numbers so
            result.push_back(size);
            if (!take(',')) {
                expect(')');
                break;
            }
        }
        return result;
    }

    std::string_view text_;
    const std::string& file_;
};

}  // namespace detail

/// The header of the bytes of a .npy file; `file` is for messages. Throws for anything else.
inline NpyHeader read_npy_header(std::span<const std::byte> bytes, const std::string& file) {
    constexpr std::string_view magic("\x93NUMPY", 6);
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    require(all.size() >= 8 && all.substr(0, 6) == magic, "npy", file, " is no .npy file");
    const int version = all[6];
    require(version >= 1 && version <= 3, "npy", file, ": got version ", version, ", expected 1 .. 3");
    const std::size_t begin = version == 1 ? 10 : 12;
    std::size_t length = 0;
    for (std::size_t i = 8; i < begin && i < all.size(); ++i)
        length |= static_cast<std::size_t>(static_cast<unsigned char>(all[i])) << 8 * (i - 8);
    require(all.size() >= begin && length <= all.size() - begin, "npy", file, " ends within its header of ",
            length, " bytes");
    NpyHeader header = detail::NpyDictionary(all.substr(begin, length), file).read();
    header.data = begin + length;
    return header;
}

}  // namespace lafs::inline LAFS_ABI
