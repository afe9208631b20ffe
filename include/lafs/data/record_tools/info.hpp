// Facts about a record file, in text: what a set holds, and its records line by line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <lafs/core/error.hpp>
#include <lafs/data/colour_guess.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/property.hpp>
#include <lafs/data/record_header.hpp>
#include <lafs/data/record_io.hpp>
#include <lafs/data/record_set.hpp>
#include <lafs/data/record_tools/pack.hpp>
#include <lafs/data/record_tools/verify.hpp>
#include <lafs/io/content_kind.hpp>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What `describe_records` looked at.
struct RecordSample {
    std::int64_t images = 0, damaged = 0;
    std::string first_problem;
    std::map<std::string, std::int64_t> kinds;  ///< `112 x 112 .jpg`
    ColourCount colours;
};

/// Decodes up to `most` images spread over a set.
inline RecordSample sample_images(const FaceSource& source, std::int64_t most = 256) {
    RecordSample sample;
    sample.images = std::min(most, source.size());
    for (std::int64_t k = 0; k < sample.images; ++k) {
        const std::int64_t i = k * source.size() / sample.images;
        try {
            const std::vector<std::byte> bytes = source.encoded(i);
            const Image image = decode_image(bytes, source.name(i));
            ++sample
                  .kinds[detail::text_of(image.width, " x ", image.height, " ", extension_of_content(bytes))];
            sample.colours.add(image);
        } catch (const Error& error) {
            if (sample.damaged++ == 0)
                sample.first_problem = error.what();
        }
    }
    return sample;
}

namespace detail {

class FactLines {
public:
    template <class... Parts>
    void add(const char* name, const Parts&... parts) {
        text_ << std::left << std::setw(20) << (std::string(name) + ':');
        (text_ << ... << parts) << '\n';
    }
    std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
};

inline void add_property(FactLines& facts, const RecordSource& source) {
    const std::filesystem::path path = source.file().path().parent_path() / "property";
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return facts.add("property", "none");
    const std::string problem =
        property_problem(source.file().path(), static_cast<std::size_t>(source.identities()));
    if (!problem.empty())
        return facts.add("property", problem);
    const SetProperty property = read_property(path);
    facts.add("property", property.identities, " identities, ", property.width, " x ", property.height);
}

inline void add_identities(FactLines& facts, const RecordSource& source) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(source.identities()));
    for (std::int64_t i = 0; i < source.size(); ++i)
        ++counts[static_cast<std::size_t>(source.label(i))];
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    facts.add("identities", source.identities());
    facts.add("images of each", *least, " to ", *most, ", ", std::fixed, std::setprecision(1),
              static_cast<double>(source.size()) / static_cast<double>(source.identities()), " on average");
}

/// `2 x 112 x 112 .jpg, 1 x 96 x 112 .png`, the commonest first.
inline std::string list_kinds(const std::map<std::string, std::int64_t>& kinds) {
    std::vector<std::pair<std::int64_t, std::string>> sorted;
    for (const auto& [kind, count] : kinds)
        sorted.emplace_back(-count, kind);
    std::sort(sorted.begin(), sorted.end());
    std::string text;
    for (std::size_t i = 0; i < sorted.size() && i < 5; ++i)
        text += text_of(i > 0 ? ", " : "", -sorted[i].first, " of ", sorted[i].second);
    return sorted.size() > 5 ? text + text_of(" and ", sorted.size() - 5, " other kinds") : text;
}

}  // namespace detail

/// Facts about a record file, a line each. Damaged records are only noticed where it looks.
inline std::string describe_records(const std::filesystem::path& path) {
    const RecordSource source(path);
    const RecordFile& file = source.file();
    detail::FactLines facts;
    facts.add("file", file.path().string());
    facts.add("bytes", file.bytes());
    facts.add("records", file.size());
    facts.add("index", file.index_note().empty() ? record_index_path(path).filename().string()
                                                 : file.index_note() + "; made by reading the file");
    facts.add("layout", source.layout().has_set_header
                            ? "InsightFace: record 0 and a record for each identity"
                            : "every record is an image (im2rec)");
    facts.add("images", source.size());
    detail::add_identities(facts, source);
    detail::add_property(facts, source);
    const RecordSample sample = sample_images(source);
    facts.add("sample", sample.images, " images, ", sample.damaged, " of them damaged",
              sample.damaged > 0 ? "; the first: " + sample.first_problem : "");
    facts.add("kinds", detail::list_kinds(sample.kinds));
    facts.add("colour order", sample.colours.guess());
    for (const std::string& note : source.layout().notes)
        facts.add("note", note);
    for (const std::string& problem : source.layout().problems)
        facts.add("problem", problem);
    return facts.text();
}

/// The fields of `list_record`.
inline constexpr const char* record_list_header = "key\toffset\tbytes\tparts\tid\tlabels\tcontent";

/// One record as a line of fields between tabs. Damaged ones say so in the last field.
inline std::string list_record(const RecordFile& file, std::size_t i) {
    std::ostringstream line;
    line << std::setprecision(9) << file.key(i) << '\t' << file.offset(i) << '\t';
    try {
        const RecordPayload payload = file.read(i);
        line << payload.bytes().size() << '\t' << payload.extent.parts << '\t';
        const ImageRecord record = parse_image_record(payload.bytes(), file.where(i));
        line << record.id << '\t';
        constexpr std::uint32_t shown = 16;
        if (record.flag == 0)
            line << record.label;
        for (std::uint32_t k = 0; k < std::min(record.flag, shown); ++k)
            line << (k > 0 ? " " : "") << record.label_at(k);
        const std::string_view extension = extension_of_content(record.image);
        line << (record.flag > shown ? " ..." : "") << '\t';
        line << (record.image.empty() ? "no image"
                 : extension.empty()  ? content_kind(record.image)
                                      : std::string(extension.substr(1)));
    } catch (const Error& error) {
        line << "damaged: " << detail::reason_in(error.what(), file.where(i));
    }
    return line.str();
}

}  // namespace lafs::inline LAFS_ABI
