// Byte strings and NumPy arrays of a pickle, in all forms that Python and NumPy have given them.
//
// Bytes are an opcode from protocol 3 on, before that _codecs.encode(text, "latin1"). An array is
// _reconstruct(...) with the state (version, shape, dtype, is_fortran, data), or from protocol 5 on
// _frombuffer(data, dtype, shape, order); a single number is scalar(dtype, data). (numpy/core/multiarray)
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <lafs/io/pickle.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lafs::inline LAFS_ABI {

namespace detail {

enum NumpyMeaning : int { encode = 1, make_bytes, reconstruct, from_buffer, scalar, make_dtype };

inline constexpr PickleName numpy_names[] = {
    {"_codecs", "encode", encode},
    {"builtins", "bytes", make_bytes},
    {"__builtin__", "bytes", make_bytes},
    {"builtins", "bytearray", make_bytes},
    {"__builtin__", "bytearray", make_bytes},
    {"numpy.core.multiarray", "_reconstruct", reconstruct},
    {"numpy._core.multiarray", "_reconstruct", reconstruct},
    {"numpy.core.numeric", "_frombuffer", from_buffer},
    {"numpy._core.numeric", "_frombuffer", from_buffer},
    {"numpy.core.multiarray", "scalar", scalar},
    {"numpy._core.multiarray", "scalar", scalar},
    {"numpy", "dtype", make_dtype},
};

}  // namespace detail

/// An array or a single number of a pickle.
struct PickledArray {
    std::string type;  ///< NumPy's letter and bytes of an element: "u1", "b1", "i8"; "O" for Python values
    bool big_endian = false;
    std::optional<PickleValue> shape;    ///< a tuple; nothing for a single number
    std::span<const std::byte> data;     ///< of a type other than "O"
    std::optional<PickleValue> objects;  ///< a list, of type "O"
};

/// Reads byte strings and arrays of pickles that were read with `names()`. Text that stands for bytes is
/// turned into them once, however many values share it, and kept here.
class PickledArrays {
public:
    static std::span<const PickleName> names() { return detail::numpy_names; }

    /// The bytes of a value; nothing when it is something else. Throws when it is malformed.
    std::optional<std::span<const std::byte>> bytes(const PickleValue& value) {
        if (!value.is(PickleKind::object) || value.meaning() != detail::make_bytes ||
            value.arguments().size() > 1)
            return plain_bytes(value);
        if (value.arguments().size() == 0)
            return std::span<const std::byte>();
        const PickleValue content = value.arguments().item(0);
        const auto result = plain_bytes(content);
        content.require(result.has_value(), "got ", content.description(), ", expected bytes");
        return result;
    }

    /// The array of a value; nothing when it is something else. Throws when it is malformed.
    std::optional<PickledArray> array(const PickleValue& value) {
        if (!value.is(PickleKind::object))
            return std::nullopt;
        switch (value.meaning()) {
            case detail::reconstruct: {
                value.require(value.state().has_value(), "the array was given no content");
                const PickleValue state = *value.state();
                return array_of(state.item(2), state.item(1), state.item(4));
            }
            case detail::from_buffer: {
                const PickleValue arguments = value.arguments();
                return array_of(arguments.item(1), arguments.item(2), arguments.item(0));
            }
            case detail::scalar: {
                const PickleValue arguments = value.arguments();
                return array_of(arguments.item(0), std::nullopt, arguments.item(1));
            }
            default:
                return std::nullopt;
        }
    }

private:
    /// Bytes that are not made from other bytes: an opcode, or a call with text and its encoding.
    std::optional<std::span<const std::byte>> plain_bytes(const PickleValue& value) {
        if (value.is(PickleKind::bytes))
            return value.bytes();
        const int meaning = value.meaning();
        if (!value.is(PickleKind::object) || (meaning != detail::encode && meaning != detail::make_bytes))
            return std::nullopt;
        const std::string_view encoding = value.arguments().item(1).text();
        value.require(encoding == "latin1" || encoding == "latin-1", "got bytes in the encoding \"",
                      encoding.substr(0, 20), "\", expected latin1");
        return decoded(value.arguments().item(0));
    }

    std::span<const std::byte> decoded(const PickleValue& text) {
        auto [known, added] = decoded_.try_emplace(text.id());
        if (added) {
            std::optional<std::string> bytes = detail::latin1_bytes(text.text());
            text.require(bytes.has_value(), "got text with characters above 255, expected bytes as latin1");
            known->second = std::as_bytes(std::span(kept_.emplace_back(std::move(*bytes))));
        }
        return known->second;
    }

    PickledArray array_of(const PickleValue& type, std::optional<PickleValue> shape,
                          const PickleValue& data) {
        type.require(type.is(PickleKind::object) && type.meaning() == detail::make_dtype, "got ",
                     type.description(), ", expected numpy.dtype");
        PickledArray array;
        array.type = type.arguments().item(0).text().substr(0, 20);
        if (const auto state = type.state())
            array.big_endian = state->item(1).text() == ">";
        if (array.type.starts_with('<') || array.type.starts_with('|') || array.type.starts_with('>')) {
            array.big_endian |= array.type[0] == '>';
            array.type.erase(0, 1);
        }
        array.shape = shape;
        if (array.type.starts_with('O')) {
            array.type = "O";
            array.objects = data;
            return array;
        }
        const auto content = bytes(data);
        data.require(content.has_value(), "got ", data.description(), ", expected the bytes of an array");
        array.data = *content;
        return array;
    }

    std::unordered_map<std::uint32_t, std::span<const std::byte>> decoded_;  // by the text's id
    std::deque<std::string> kept_;
};

}  // namespace lafs::inline LAFS_ABI
