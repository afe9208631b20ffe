// Which records of a file are images, and who is on them.
//
// InsightFace sets say so in record 0 and in one record for each identity (record_header.hpp), of which the
// classes are read with a few accesses for each identity. In other files, as im2rec makes them, all records
// are images, and every record's header is read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/record_header.hpp>
#include <lafs/data/record_io.hpp>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The images of a record file, in order: by key where record 0 counts them, else as in the file.
struct RecordLayout {
    bool has_set_header = false;         ///< record 0 describes the set
    std::uint64_t identity_records = 0;  ///< that could be read
    std::vector<std::uint32_t> records;  ///< positions in the file; empty: `first`, `first` + 1, ...
    std::uint32_t first = 0;
    std::vector<std::uint32_t> labels;   ///< of each image, from 0 without gaps
    std::vector<std::uint32_t> classes;  ///< what each label is called in the file, ascending
    std::vector<std::string> notes;      ///< what is unusual
    std::vector<std::string> problems;   ///< what is wrong with the set as a whole

    /// The class of an image as the file names it.
    std::uint32_t class_of_image(std::size_t image) const { return classes[labels[image]]; }
    /// The position of an image in the file.
    std::size_t record(std::size_t image) const { return records.empty() ? first + image : records[image]; }
};

/// Whether a set may lack images that its record 0 promises, as a file that was cut off does.
enum class MissingImages { refused, allowed };

/// The class that a record names. Throws unless it is a whole number of [0, 2^24].
inline std::uint32_t class_of(const ImageRecord& record, const std::string& where) {
    require(is_exact_count(record.class_label()), "image record", where, ": got the label ",
            record.class_label(), ", expected a whole number from 0 to ", exact_in_float);
    return static_cast<std::uint32_t>(record.class_label());
}

namespace detail {

inline constexpr std::uint32_t class_unknown = UINT32_MAX;         ///< not looked at yet
inline constexpr std::uint32_t class_unreadable = UINT32_MAX - 1;  ///< the record is damaged

/// Finds images and classes of one file. `exact` is the largest key that is exact in a float.
class LayoutReader {
public:
    LayoutReader(const RecordFile& file, MissingImages missing, std::uint64_t exact)
        : file_(file), missing_(missing), exact_(exact) {}

    RecordLayout read() {
        require(file_.size() > 0, "record set", file_.path(), " holds no records (", file_.bytes(),
                " bytes)");
        const auto zero = file_.find(0);
        const auto range = zero ? range_at(*zero) : std::nullopt;
        if (!range)
            read_plain(range_at(file_.size() - 1) ? "record 0, which describes the set, is damaged or missing"
                                                  : "");
        else if (const std::uint64_t promised = images_promised(*range); is_contradicted(*range, promised))
            read_plain("record 0 promises the images 1 to " + std::to_string(promised) +
                       ", other records say otherwise: it is not believed");
        else
            read_described(*range, promised);
        number_classes();
        return std::move(layout_);
    }

private:
    /// The class of a record, or class_unreadable.
    std::uint32_t class_at(std::size_t position) const {
        try {
            const RecordPayload payload = file_.peek(position);
            return class_of(parse_image_record(payload.bytes(), {}), {});
        } catch (const Error&) {
            return class_unreadable;
        }
    }

    /// The keys of a record that describes the set; nothing for images and damaged records.
    std::optional<KeyRange> range_at(std::size_t position) const {
        try {
            const RecordPayload payload = file_.peek(position);
            return key_range(parse_image_record(payload.bytes(), {}));
        } catch (const Error&) {
            return std::nullopt;
        }
    }

    /// The number of images that record 0 promises, made exact by the records themselves.
    std::uint64_t images_promised(const KeyRange& range) const {
        if (range.begin <= exact_)
            return range.begin - 1;
        // Rounded to at most 2^32 / 2^24: the first record near there that is no image.
        constexpr std::uint64_t rounding = 256;
        for (std::uint64_t key = range.begin - std::min(range.begin - 1, rounding);
             key < range.begin + rounding; ++key)
            if (const auto position = file_.find(key); position && range_at(*position))
                return key - 1;
        return range.begin - 1;
    }

    /// Whether whole records show that the images are not those with the keys 1 to `promised`.
    bool is_contradicted(const KeyRange& range, std::uint64_t promised) const {
        const auto describes = [&](std::optional<std::size_t> position) {
            return position && file_.key(*position) > 0 && range_at(*position);
        };
        const std::size_t last = file_.size() - 1;
        const auto next = file_.find(promised + 1);
        return describes(file_.find(promised)) || (file_.key(last) <= promised && describes(last)) ||
               (range.end > range.begin && next && !describes(next) && class_at(*next) != class_unreadable);
    }

    void read_described(const KeyRange& range, std::uint64_t promised) {
        layout_.has_set_header = true;
        require(promised > 0, "record set", file_.path(), ": record 0 promises no images");
        place_images(promised);
        layout_.labels.assign(images_, class_unknown);
        std::uint64_t damaged = 0, unnamed = 0;
        const std::uint64_t identities = std::min<std::uint64_t>(range.end - range.begin, file_.size());
        for (std::uint64_t key = promised + 1; key <= promised + identities; ++key) {
            const auto position = file_.find(key);
            const auto own = position ? range_at(*position) : std::nullopt;
            if (own)
                take_range(*own, key, promised);
            else
                ++damaged;
        }
        for (std::size_t i = 0; identities > 0 && !rounded_ && i < images_; ++i)
            unnamed += layout_.labels[i] == class_unknown;
        if (damaged > 0)
            problem(damaged, " of ", identities, " records of identities are damaged or missing");
        if (unnamed > 0)
            problem(unnamed, " images belong to no whole record of an identity");
        read_unknown();
    }

    std::uint64_t key_of(std::size_t image) const { return file_.key(layout_.record(image)); }

    /// The first image whose key is at least this.
    std::size_t image_of(std::uint64_t key) const {
        std::size_t low = 0, high = images_;
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (key_of(middle) < key)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// Finds the records with the keys 1 to `promised`.
    void place_images(std::uint64_t promised) {
        std::vector<std::uint32_t>& records = layout_.records;
        for (std::size_t i = 0; i < file_.size(); ++i)
            if (file_.key(i) >= 1 && file_.key(i) <= promised)
                records.push_back(static_cast<std::uint32_t>(i));
        images_ = records.size();
        const auto by_key = [&](auto a, auto b) { return file_.key(a) < file_.key(b); };
        if (!std::is_sorted(records.begin(), records.end(), by_key))
            std::sort(records.begin(), records.end(), by_key);
        if (images_ < promised) {
            std::uint64_t lost = 1;
            while (lost <= images_ && file_.key(records[lost - 1]) == lost)
                ++lost;
            const std::string text =
                text_of("record 0 promises the images 1 to ", promised, ", but ", promised - images_,
                        " of them are not in the file, the first is record ", lost);
            require(images_ > 0 && missing_ == MissingImages::allowed, "record set", file_.path(), ": ", text,
                    " (is the file cut off? `lafs_records verify --repair` saves what is there)");
            problem(text);
        }
        std::size_t consecutive = 0;
        while (consecutive < images_ && records[consecutive] == records[0] + consecutive)
            ++consecutive;
        if (images_ > 0 && consecutive == images_) {
            layout_.first = records[0];
            records = {};
        }
    }

    /// Gives all images of an identity the class of its first and last; where these differ, the commonest.
    void take_range(const KeyRange& own, std::uint64_t key, std::uint64_t promised) {
        ++layout_.identity_records;
        if (own.end > exact_ && promised >= exact_) {
            rounded_ = true;
            return;
        }
        const std::size_t begin = image_of(own.begin), end = image_of(own.end);
        const auto labels = std::span(layout_.labels).subspan(begin, end - begin);
        if (own.end - 1 > promised ||
            std::any_of(labels.begin(), labels.end(), [](auto c) { return c != class_unknown; })) {
            problem("record ", key, " names the images ", own.begin, " to ", own.end - 1,
                    ", some of which another identity has or record 0 does not count");
            return;
        }
        if (labels.empty())
            return;
        std::uint32_t own_class = class_at(layout_.record(begin));
        if (own_class == class_unreadable || own_class != class_at(layout_.record(end - 1)))
            own_class = commonest_class(begin, end);
        std::fill(labels.begin(), labels.end(), own_class);
    }

    std::uint32_t commonest_class(std::size_t begin, std::size_t end) const {
        std::map<std::uint32_t, std::uint64_t> counts;
        for (std::size_t image = begin; image < end; ++image)
            if (const std::uint32_t own = class_at(layout_.record(image)); own != class_unreadable)
                ++counts[own];
        const auto best = std::max_element(counts.begin(), counts.end(),
                                           [](auto& a, auto& b) { return a.second < b.second; });
        return counts.empty() ? class_unreadable : best->first;
    }

    /// All records are images; when a record 0 is wanting, for which `fault` says why, but for those that
    /// describe the set.
    void read_plain(const std::string& fault) {
        layout_.labels.assign(file_.size(), class_unknown);
        read_unknown();
        if (fault.empty())
            return;
        problem(fault);
        std::size_t kept = 0;
        for (std::size_t i = 0; i < file_.size(); ++i)
            if (!range_at(i)) {
                layout_.records.push_back(static_cast<std::uint32_t>(i));
                layout_.labels[kept++] = layout_.labels[i];
            }
        layout_.labels.resize(kept);
    }

    /// Reads the classes of the images that no identity's record names.
    void read_unknown() {
        const auto images = static_cast<std::int64_t>(layout_.labels.size());
        parallel_ranges(images, 1024, [&](std::int64_t begin, std::int64_t end) {
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
                if (layout_.labels[i] == class_unknown)
                    layout_.labels[i] = class_at(layout_.record(i));
        });
    }

    /// Turns classes into labels. Images that cannot be read get label 0: reading them throws.
    void number_classes() {
        std::size_t unreadable = 0, first_unreadable = 0;
        std::vector<bool> present;
        for (std::size_t i = layout_.labels.size(); i-- > 0;) {
            const std::uint32_t own = layout_.labels[i];
            if (own == class_unreadable) {
                ++unreadable;
                first_unreadable = i;
                continue;
            }
            if (own >= present.size())
                present.resize(std::size_t{own} + 1);
            present[own] = true;
        }
        if (unreadable == layout_.labels.size())
            fail_without_images(layout_.labels.empty() ? 0 : layout_.record(first_unreadable));
        for (std::size_t c = 0; c < present.size(); ++c)
            if (present[c])
                layout_.classes.push_back(static_cast<std::uint32_t>(c));
        const bool gaps = layout_.classes.back() >= layout_.classes.size();
        for (std::uint32_t& label : layout_.labels)
            if (label == class_unreadable)
                label = 0;
            else if (gaps)
                label = static_cast<std::uint32_t>(
                    std::lower_bound(layout_.classes.begin(), layout_.classes.end(), label) -
                    layout_.classes.begin());
        if (unreadable > 0)
            problem(unreadable, " records cannot be read, the first at byte ",
                    file_.offset(layout_.record(first_unreadable)));
        if (gaps)
            layout_.notes.push_back(text_of("labels reach from ", layout_.classes.front(), " to ",
                                            layout_.classes.back(), " with gaps: ", layout_.classes.size(),
                                            " identities, numbered anew"));
    }

    [[noreturn]] void fail_without_images(std::size_t first) const {
        std::string reason = "none";
        try {
            const RecordPayload payload = file_.read(first);
            class_of(parse_image_record(payload.bytes(), file_.where(first)), file_.where(first));
        } catch (const Error& error) {
            reason = error.what();
        }
        fail("record set", file_.path(), " holds no images: none of ", file_.size(),
             " records has a header and a class; the first says ", reason);
    }

    template <class... Parts>
    void problem(const Parts&... parts) {
        if (layout_.problems.size() < 1000)
            layout_.problems.push_back(text_of(parts...));
    }

    const RecordFile& file_;
    MissingImages missing_;
    std::uint64_t exact_;
    RecordLayout layout_;
    std::size_t images_ = 0;
    bool rounded_ = false;  // keys of some identities are not exact
};

}  // namespace detail

/// Finds the images of a file and their labels, 4 bytes for each. Throws when there are none, or when
/// record 0 promises images that are not in the file; damaged records are only counted. `exact` is the
/// largest key that labels hold exactly: above it the images themselves are asked.
inline RecordLayout read_record_layout(const RecordFile& file, MissingImages missing = MissingImages::refused,
                                       std::uint64_t exact = exact_in_float) {
    return detail::LayoutReader(file, missing, exact).read();
}

}  // namespace lafs::inline LAFS_ABI
