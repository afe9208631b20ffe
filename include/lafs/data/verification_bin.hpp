// Verification sets in one file (lfw.bin, cfp_fp.bin, ...): a pickle of (bins, issame).
//
// bins holds 2 N encoded images, pair i being images 2 i and 2 i + 1, and issame N booleans. Read in every
// form in use: protocols 0 to 5, Python 2 strings, bytes, NumPy arrays of encoded bytes, tuples or lists,
// booleans, numbers 0 and 1 or NumPy's. Nothing of the pickle is executed, images stay in the mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/io/pickle_numpy.hpp>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

class VerificationBin {
public:
    /// Opens the file. Throws with file, byte and what was expected. Images are not decoded yet.
    static VerificationBin open(const std::filesystem::path& path) { return VerificationBin(path); }

    const std::filesystem::path& path() const { return path_; }
    /// Number of images, two for each pair.
    std::size_t images() const { return images_.size(); }
    std::size_t pairs() const { return same_.size(); }

    /// Whether images 2 i and 2 i + 1 show the same person. Throws for i out of range.
    bool same(std::size_t i) const { return same_[checked(i, pairs(), "pair")] != 0; }

    /// The encoded bytes of image i (JPEG, say), valid as long as the set. Throws for i out of range.
    std::span<const std::byte> encoded(std::size_t i) const { return images_[checked(i, images(), "image")]; }

    /// The first image that is stored as the same value as image i: a file may hold one for many pairs.
    std::size_t first_copy(std::size_t i) const { return first_copies_[checked(i, images(), "image")]; }

    /// Decodes image i. Throws, naming file and image, when it is damaged.
    Image image(std::size_t i) const {
        return decode_image(encoded(i), std::to_string(i) + " of " + path_.string());
    }

private:
    explicit VerificationBin(const std::filesystem::path& path) : path_(path), file_(path) {
        Pickle pickle = Pickle::read(file_.bytes(), path.string(), PickledArrays::names());
        const PickleValue root = pickle.root();
        root.require((root.is(PickleKind::tuple) || root.is(PickleKind::list)) && root.size() == 2, "got ",
                     root.description(), ", expected (bins, issame)");
        read_images(root.item(0), pickle.values());
        read_labels(root.item(1));
        require(images_.size() == 2 * same_.size(), "verification bin", path, " has ", images_.size(),
                " images and ", same_.size(), " labels, expected two images for each label");
        texts_ = std::move(pickle).take_texts();  // images that the pickle holds escaped
    }

    std::size_t checked(std::size_t i, std::size_t count, const char* what) const {
        require(i < count, "verification bin", "got ", what, " ", i, " of ", path_, ", expected less than ",
                count);
        return i;
    }

    /// The values of a list, a tuple or an array of Python values.
    PickleValue sequence(const PickleValue& value) {
        const auto array = arrays_.array(value);
        const PickleValue list = array && array->objects ? *array->objects : value;
        list.require(list.is(PickleKind::list) || list.is(PickleKind::tuple), "got ", list.description(),
                     ", expected a list");
        return list;
    }

    void read_images(const PickleValue& bins, std::size_t values) {
        std::vector<std::size_t> first(values, SIZE_MAX);  // by the value's id
        for (const PickleValue image : sequence(bins).items()) {
            std::size_t& copy = first[image.id()];
            if (copy == SIZE_MAX) {
                copy = images_.size();
                images_.push_back(image_bytes(image));
            } else {
                images_.push_back(images_[copy]);
            }
            first_copies_.push_back(copy);
        }
    }

    std::span<const std::byte> image_bytes(const PickleValue& image) {
        if (const auto bytes = arrays_.bytes(image))
            return *bytes;
        const auto array = arrays_.array(image);
        image.require(array && (array->type == "u1" || array->type == "i1") && array->shape, "image ",
                      images_.size(), " is ", image.description(), array ? " of type " + array->type : "",
                      ", expected bytes or an array of u1");
        std::size_t long_axes = 0;
        std::int64_t elements = 1;
        for (const PickleValue size : array->shape->items())
            if (size.integer() != 1) {
                ++long_axes;
                elements = size.integer();
            }
        image.require(long_axes <= 1, "image ", images_.size(), " is an array with ", long_axes,
                      " axes, which seem to be pixels, expected the bytes of an image file");
        image.require(static_cast<std::uint64_t>(elements) == array->data.size(), "image ", images_.size(),
                      " is an array of ", elements, " with ", array->data.size(), " bytes");
        return array->data;
    }

    void read_labels(const PickleValue& labels) {
        if (const auto array = arrays_.array(labels); array && !array->objects)
            return read_numbers(labels, *array);
        for (const PickleValue label : sequence(labels).items()) {
            if (label.is(PickleKind::boolean)) {
                same_.push_back(label.boolean());
            } else if (const auto number = arrays_.array(label); number && !number->shape) {
                const std::size_t before = same_.size();
                read_numbers(label, *number);
                label.require(same_.size() == before + 1, "label ", before, " has ", same_.size() - before,
                              " numbers, expected one");
            } else {
                add_label(label, label.integer());
            }
        }
    }

    /// Labels from the elements of an array of booleans or whole numbers.
    void read_numbers(const PickleValue& value, const PickledArray& array) {
        const bool known = array.type.size() == 2 && std::string_view("bui").find(array.type[0]) < 3 &&
                           std::string_view("1248").find(array.type[1]) < 4;
        value.require(known, "got labels of type \"", array.type, "\", expected booleans or whole numbers");
        const auto width = static_cast<std::size_t>(array.type[1] - '0');
        value.require(array.data.size() % width == 0, "got ", array.data.size(),
                      " bytes of labels, expected a multiple of ", width);
        for (std::size_t at = 0; at < array.data.size(); at += width) {
            std::uint64_t number = 0;
            for (std::size_t i = 0; i < width; ++i)
                number |=
                    std::to_integer<std::uint64_t>(array.data[at + (array.big_endian ? width - 1 - i : i)])
                    << 8 * i;
            add_label(value, static_cast<std::int64_t>(number));
        }
    }

    void add_label(const PickleValue& value, std::int64_t number) {
        value.require(number == 0 || number == 1, "label ", same_.size(), " is ", number,
                      ", expected 0 or 1");
        same_.push_back(static_cast<std::uint8_t>(number));
    }

    std::filesystem::path path_;
    MappedFile file_;
    PickledArrays arrays_;
    std::deque<std::string> texts_;
    std::vector<std::span<const std::byte>> images_;
    std::vector<std::size_t> first_copies_;
    std::vector<std::uint8_t> same_;
};

namespace detail {

inline std::string little_endian(std::uint32_t value) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8)
        bytes += static_cast<char>(value >> shift);
    return bytes;
}

}  // namespace detail

/// Writes a set, atomically, as Python's pickle.dump((bins, issame), file, protocol=4) would: `images` are
/// the encoded bytes, two for each of `same` (0 or 1). The same bytes in memory are stored once.
inline void write_verification_bin(const std::filesystem::path& path,
                                   std::span<const std::span<const std::byte>> images,
                                   std::span<const std::uint8_t> same) {
    require(images.size() == 2 * same.size(), "verification bin", "got ", images.size(), " images and ",
            same.size(), " labels, expected two images for each label");
    AtomicFile file(path);
    file.write("\x80\x04](");  // PROTO 4, EMPTY_LIST, MARK
    std::map<std::pair<const std::byte*, std::size_t>, std::uint32_t> memo;
    for (const std::span<const std::byte> image : images) {
        require(image.size() <= UINT32_MAX, "verification bin", "got an image of ", image.size(),
                " bytes, expected less than 2^32");
        const auto [known, added] =
            memo.try_emplace({image.data(), image.size()}, static_cast<std::uint32_t>(memo.size()));
        if (added) {
            file.write("B" + detail::little_endian(static_cast<std::uint32_t>(image.size())));  // BINBYTES
            file.write(image);
            file.write("\x94");  // MEMOIZE
        } else {
            file.write("j" + detail::little_endian(known->second));  // LONG_BINGET
        }
    }
    std::string labels = "e](";  // APPENDS, EMPTY_LIST, MARK
    for (const std::uint8_t label : same)
        labels += label ? '\x88' : '\x89';  // NEWTRUE, NEWFALSE
    file.write(labels + "e\x86.");          // APPENDS, TUPLE2, STOP
    file.commit();
}

}  // namespace lafs::inline LAFS_ABI
