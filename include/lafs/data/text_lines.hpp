// Lines of a text file that is not trusted: fields and numbers, and errors that name the file and the line.
//
// The file is mapped, not copied. Lines end in \n or \r\n; blank lines and a UTF-8 mark at the beginning are
// passed over. What errors quote of the file is cut short, and its control characters are shown as ?.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/mapped_file.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Reads one line after the other. Fields are valid as long as the object lives.
class TextLines {
public:
    /// Most fields of a line; longer lines are refused by `fields`.
    static constexpr std::size_t max_fields = 64;

    /// `operation` stands in the brackets of errors. Throws when the file cannot be read or is empty.
    TextLines(std::string operation, const std::filesystem::path& path)
        : operation_(std::move(operation)), path_(path.string()), file_(path) {
        const std::span<const std::byte> bytes = file_.bytes();
        rest_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
        if (rest_.starts_with("\xEF\xBB\xBF"))
            rest_.remove_prefix(3);
        lafs::require(rest_.find_first_not_of(" \t\r\n") != std::string_view::npos, operation_, path_,
                      " is empty, expected lines of text");
    }

    /// Goes to the next line that is not blank; false at the end.
    bool next() {
        while (!rest_.empty()) {
            const std::size_t end = rest_.find('\n');
            line_ = rest_.substr(0, end);
            rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
            if (line_.ends_with('\r'))
                line_.remove_suffix(1);
            ++number_;
            if (line_.find_first_not_of(" \t") != std::string_view::npos)
                return true;
        }
        return false;
    }

    /// The line without its end.
    std::string_view text() const { return line_; }
    /// Counted from 1, blank lines too; 0 before the first `next`.
    std::int64_t number() const { return number_; }
    const std::string& path() const { return path_; }

    /// The fields between separators. Runs of blanks and tabs (`separator` ' ') count as one; between commas
    /// fields may be empty, and blanks around them are dropped. Throws for more than `max_fields`.
    std::span<const std::string_view> fields(char separator = ' ') {
        std::size_t count = 0;
        const std::string_view blanks = " \t",
                               ends = separator == ' ' ? blanks : std::string_view(&separator, 1);
        for (std::size_t begin = 0; begin <= line_.size();) {
            const std::size_t end = std::min(line_.find_first_of(ends, begin), line_.size());
            const std::string_view field = line_.substr(begin, end - begin);
            begin = end + 1;
            if (separator == ' ' && field.empty())
                continue;
            require(count < max_fields, "got more than ", max_fields, " fields");
            fields_[count++] = trimmed(field);
        }
        return std::span(fields_).first(count);
    }

    /// Throws an error at this line unless `condition` holds.
    template <class... Parts>
    void require(bool condition, const Parts&... parts) const {
        lafs::require(condition, operation_, path_, " line ", number_, ": ", parts...);
    }

    /// A field as a whole number of 64 bits; `what` names it in errors.
    std::int64_t whole_number(std::string_view field, const char* what) const {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        require(error == std::errc() && end == field.data() + field.size(), "got the ", what, " ",
                quoted(field), ", expected a whole number of at most 64 bits");
        return value;
    }

    /// A field as a finite number.
    double finite_number(std::string_view field, const char* what) const {
        double value = 0;
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        require(error == std::errc() && end == field.data() + field.size() && std::isfinite(value),
                "got the ", what, " ", quoted(field), ", expected a finite number");
        return value;
    }

    /// A field as the name of a file in a folder that the caller knows: no way to lead out of it.
    std::string_view plain_name(std::string_view field, const char* what) const {
        const bool plain = !field.empty() && field != "." && field != ".." && field.size() <= 255 &&
                           field.find_first_of("/\\") == std::string_view::npos &&
                           std::none_of(field.begin(), field.end(), is_control);
        require(plain, "got the ", what, " ", quoted(field), ", expected a plain file name");
        return field;
    }

    /// Text of the file for an error.
    static std::string quoted(std::string_view text) {
        constexpr std::size_t longest = 60;
        std::string out = "\"" + std::string(text.substr(0, longest));
        std::replace_if(out.begin(), out.end(), is_control, '?');
        return out + (text.size() > longest ? "...\"" : "\"");
    }

private:
    static bool is_control(char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }

    static std::string_view trimmed(std::string_view text) {
        const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
        return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
    }

    std::string operation_, path_;
    MappedFile file_;
    std::string_view rest_, line_;
    std::int64_t number_ = 0;
    std::array<std::string_view, max_fields> fields_;
};

}  // namespace lafs::inline LAFS_ABI
