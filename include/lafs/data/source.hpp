// Where training and evaluation get labelled faces from: folders, record files, generated faces, and parts
// of these, behind one interface (face_source.hpp).
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/data/blue_first_source.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/image_folder.hpp>
#include <lafs/data/record_set.hpp>
#include <lafs/data/synthetic_faces.hpp>
#include <lafs/io/mapped_file.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How a set is opened.
struct SourceOptions {
    bool recursive = false;  ///< of an image folder: take the images in folders of an identity's folder, too
};

/// The images of a folder with one folder per identity. Warns of what it passes over.
class FolderSource final : public FaceSource {
public:
    explicit FolderSource(const std::filesystem::path& root, const SourceOptions& options = {})
        : folder_(read_image_folder(root, options.recursive)) {
        folder_.passed_over.tell(root);
    }

    std::int64_t size() const override { return static_cast<std::int64_t>(folder_.files.size()); }
    std::int64_t identities() const override { return static_cast<std::int64_t>(folder_.identities.size()); }
    std::int64_t label(std::int64_t i) const override { return folder_.labels[checked(i)]; }
    Image image(std::int64_t i) const override { return load_image(folder_.files[checked(i)]); }
    std::vector<std::byte> encoded(std::int64_t i) const override {
        const MappedFile mapped(folder_.files[checked(i)]);
        return {mapped.bytes().begin(), mapped.bytes().end()};
    }
    std::string name(std::int64_t i) const override {
        return folder_.files[checked(i)].lexically_relative(folder_.root).generic_string();
    }

    const std::filesystem::path& file(std::int64_t i) const { return folder_.files[checked(i)]; }

private:
    std::size_t checked(std::int64_t i) const {
        detail::check_index(i, size());
        return static_cast<std::size_t>(i);
    }

    ImageFolder folder_;
};

/// Generated faces.
class SyntheticSource final : public FaceSource {
public:
    explicit SyntheticSource(const SyntheticFaces& faces) : faces_(faces) {}

    std::int64_t size() const override { return faces_.size(); }
    std::int64_t identities() const override { return faces_.identities(); }
    std::int64_t label(std::int64_t i) const override { return faces_.label(i); }
    Image image(std::int64_t i) const override { return faces_.image(i); }
    std::string name(std::int64_t i) const override {
        char text[64];
        std::snprintf(text, sizeof text, "s%09lld/%06lld.png",
                      static_cast<long long>(faces_.first_identity() + faces_.label(i)),
                      static_cast<long long>(i % faces_.images_per_identity()));
        return text;
    }

    const SyntheticFaces& faces() const { return faces_; }

private:
    SyntheticFaces faces_;
};

/// Chosen images of another source, which it keeps. Labels are renumbered without gaps, in the order of
/// the old ones.
class SubsetSource final : public FaceSource {
public:
    /// Throws when no image is chosen.
    SubsetSource(std::shared_ptr<const FaceSource> source, std::vector<std::int64_t> chosen)
        : source_(std::move(source)), chosen_(std::move(chosen)) {
        require(!chosen_.empty(), "face source", "a subset has no images");
        std::vector<bool> present(static_cast<std::size_t>(source_->identities()));
        for (const std::int64_t i : chosen_)
            present[static_cast<std::size_t>(source_->label(i))] = true;
        for (std::size_t label = 0; label < present.size(); ++label)
            if (present[label])
                old_labels_.push_back(static_cast<std::int64_t>(label));
    }

    std::int64_t size() const override { return static_cast<std::int64_t>(chosen_.size()); }
    std::int64_t identities() const override { return static_cast<std::int64_t>(old_labels_.size()); }
    std::int64_t label(std::int64_t i) const override {
        const std::int64_t old = source_->label(original(i));
        return std::lower_bound(old_labels_.begin(), old_labels_.end(), old) - old_labels_.begin();
    }
    Image image(std::int64_t i) const override { return source_->image(original(i)); }
    std::vector<std::byte> encoded(std::int64_t i) const override { return source_->encoded(original(i)); }
    std::string name(std::int64_t i) const override { return source_->name(original(i)); }

    /// The index in the source below.
    std::int64_t original(std::int64_t i) const {
        detail::check_index(i, size());
        return chosen_[static_cast<std::size_t>(i)];
    }

private:
    std::shared_ptr<const FaceSource> source_;
    std::vector<std::int64_t> chosen_, old_labels_;
};

/// The first floor(share * size) images. Throws unless 0 < share <= 1 leaves at least one.
inline std::shared_ptr<const FaceSource> partition(std::shared_ptr<const FaceSource> source, double share) {
    require(share > 0.0 && share <= 1.0, "partition", "got the share ", share,
            ", expected above 0, at most 1");
    // 0.29 * 100 is 28.999... in binary: what is whole in decimal shall count as whole.
    std::vector<std::int64_t> chosen(
        static_cast<std::size_t>(share * static_cast<double>(source->size()) + 1e-6));
    require(!chosen.empty(), "partition", share, " of ", source->size(), " images is not one image");
    for (std::size_t i = 0; i < chosen.size(); ++i)
        chosen[i] = static_cast<std::int64_t>(i);
    return std::make_shared<SubsetSource>(std::move(source), std::move(chosen));
}

namespace detail {

/// The images of each identity, in order.
inline std::vector<std::vector<std::int64_t>> images_by_identity(const FaceSource& source) {
    std::vector<std::vector<std::int64_t>> images(static_cast<std::size_t>(source.identities()));
    for (std::int64_t i = 0; i < source.size(); ++i)
        images[static_cast<std::size_t>(source.label(i))].push_back(i);
    return images;
}

/// Moves a random choice of `count` to the front (the first steps of a Fisher-Yates shuffle).
template <class T>
void shuffle_front(std::vector<T>& values, std::size_t count, RandomSequence& random) {
    for (std::size_t i = 0; i < count && i < values.size(); ++i)
        std::swap(values[i], values[i + random.integer(values.size() - i)]);
}

}  // namespace detail

/// `images` random images of every identity, the same for the same seed. Throws naming the first image of
/// an identity that has fewer.
inline std::shared_ptr<const FaceSource> few_shot(std::shared_ptr<const FaceSource> source,
                                                  std::int64_t images, std::uint64_t seed) {
    require(images > 0, "few-shot", "got ", images, " images per identity, expected at least 1");
    std::vector<std::int64_t> chosen;
    std::uint64_t identity = 0;
    for (std::vector<std::int64_t>& own : detail::images_by_identity(*source)) {
        require(!own.empty(), "few-shot", "identity ", identity, " has no images");
        require(static_cast<std::int64_t>(own.size()) >= images, "few-shot", "the identity of ",
                source->name(own.front()), " has ", own.size(), " images, expected at least ", images);
        RandomSequence random(seed, identity++);
        detail::shuffle_front(own, static_cast<std::size_t>(images), random);
        std::sort(own.begin(), own.begin() + images);
        chosen.insert(chosen.end(), own.begin(), own.begin() + images);
    }
    return std::make_shared<SubsetSource>(std::move(source), std::move(chosen));
}

namespace detail {

/// `ids=200,images=20[,seed=0][,first=0]` to a generator.
inline SyntheticFaces parse_synthetic(std::string_view options, std::string_view whole) {
    std::int64_t values[] = {-1, -1, 0, 0};
    bool seen[4] = {};
    constexpr std::string_view keys[] = {"ids", "images", "seed", "first"};
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        const std::size_t equals = option.find('=');
        const auto key = static_cast<std::size_t>(std::find(keys, keys + 4, option.substr(0, equals)) - keys);
        require(key < 4 && equals != std::string_view::npos, "open source", "got \"", option, "\" in \"",
                whole, "\", expected ids=N, images=N, seed=N or first=N");
        require(!std::exchange(seen[key], true), "open source", "\"", keys[key], "\" appears twice in \"",
                whole, "\"");
        const std::string_view number = option.substr(equals + 1);
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), values[key]);
        require(error == std::errc() && end == number.data() + number.size() && values[key] >= 0,
                "open source", "got \"", option, "\" in \"", whole,
                "\", expected a whole number of at least 0");
        options.remove_prefix(std::min(option.size() + 1, options.size()));
    }
    require(seen[0] && seen[1], "open source", "got \"", whole,
            "\", expected synthetic:ids=N,images=N[,seed=N][,first=N]");
    return {values[0], values[1], static_cast<std::uint64_t>(values[2]), values[3]};
}

}  // namespace detail

/// Opens a source of a program: given what follows `scheme:`.
using SourceOpener = std::function<std::unique_ptr<FaceSource>(const std::string& rest)>;

namespace detail {

/// The schemes of this program, made with the library's own in it when it is first asked for.
inline std::map<std::string, SourceOpener>& source_openers() {
    static std::map<std::string, SourceOpener> openers{
        {"synthetic", [](const std::string& rest) -> std::unique_ptr<FaceSource> {
             return std::make_unique<SyntheticSource>(parse_synthetic(rest, "synthetic:" + rest));
         }}};
    return openers;
}

}  // namespace detail

/// Gives a source of the program a scheme: from then on `open_source`, the training tasks and --data open
/// "scheme:anything" by `open("anything")`. Not while another thread opens sources. Throws for a scheme that
/// is empty, taken, `bgr` or `rgb`, or has a ':' or '/' in it, and for an empty function.
inline void register_source(const std::string& scheme, const SourceOpener& open) {
    require(!scheme.empty() && scheme.find_first_of(":/") == std::string::npos && open, "face source",
            "got the scheme \"", scheme, "\"", open ? "" : " without a function",
            ", expected a name without ':' and '/', and a function that opens the source");
    require(scheme != "bgr" && scheme != "rgb" && detail::source_openers().try_emplace(scheme, open).second,
            "face source", "got \"", scheme, "\", which is the scheme of another source");
}

/// Opens `synthetic:ids=200,images=20[,seed=S][,first=F]` (identities F to F + ids - 1), a source that the
/// program registered, a record file (`x.rec`, or a folder that holds train.rec or just one), or an image
/// folder. `bgr:` in front of any of these: its files hold blue first (data/colour_order.hpp). Throws for unknown or
/// repeated keys, bad numbers, absurd sizes, and sets that hold no faces.
inline std::unique_ptr<FaceSource> open_source(const std::string& text, const SourceOptions& options = {}) {
    if (const OrderedName named = split_colour_order(text); named.name != text)
        return to_rgb(open_source(named.name, options), named.order);
    if (const std::size_t colon = text.find(':'); colon != std::string::npos) {
        const auto& openers = detail::source_openers();
        if (const auto found = openers.find(text.substr(0, colon)); found != openers.end()) {
            auto source = found->second(text.substr(colon + 1));
            require(source != nullptr, "open source", "got nothing for \"", text, "\"");
            return source;
        }
        std::string schemes;
        for (const auto& [scheme, open] : openers)
            schemes += scheme + ", ";
        require(std::filesystem::exists(text), "open source", "got \"", text,
                "\", which is no file or folder, and its scheme none of: ", schemes, "bgr, rgb");
    }
    const std::filesystem::path path = text;
    const std::filesystem::path records = find_record_file(path);
    if (lower_extension(records) == ".rec")
        return std::make_unique<RecordSource>(records);
    return std::make_unique<FolderSource>(path, options);
}

}  // namespace lafs::inline LAFS_ABI
