// Tensors as text, as NumPy prints arrays:
//
//   std::cout << x;                     [[  1, 2.5],
//   std::string text = to_string(x);     [ -3,   4]]
//
// Numbers have up to six digits and one width; a tensor of more than a thousand elements shows the first and last
// three of each axis.
#pragma once

#include <algorithm>
#include <cstdio>
#include <iosfwd>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

inline constexpr std::int64_t most_shown = 1000, shown_at_ends = 3;

template <class T>
std::string element_text(T value) {
    if constexpr (std::is_integral_v<T>) {
        return std::to_string(value);
    } else {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", static_cast<double>(value));
        return text;
    }
}

/// Nested brackets around the elements that are shown. `element(place)` gives the text of one.
template <class Element>
class TensorText {
public:
    TensorText(const Shape& shape, const Element& element)
        : shape_(shape), element_(element), shortened_(shape.size() > most_shown || shape.size() == 0) {}

    std::string write() {
        std::string text;
        append(0, 0, text);
        return text;
    }

private:
    void append(int axis, std::int64_t first, std::string& text) {
        if (axis == shape_.rank()) {
            text += element_(first);
            return;
        }
        const std::int64_t size = shape_[axis], step = shape_.size_between(axis + 1, shape_.rank());
        const bool shortened = shortened_ && size > 2 * shown_at_ends;
        text += '[';
        for (std::int64_t i = 0; i < size; ++i) {
            if (i > 0)
                separate(axis, text);
            if (shortened && i == shown_at_ends) {
                text += "...";
                i = size - shown_at_ends - 1;
            } else {
                append(axis + 1, first + i * step, text);
            }
        }
        text += ']';
    }

    /// Between numbers a space, between rows a new line, between matrices an empty one.
    void separate(int axis, std::string& text) const {
        const int inside = shape_.rank() - 1 - axis;
        text += ',';
        if (inside == 0)
            text += ' ';
        else
            text.append(static_cast<std::size_t>(inside), '\n')
                .append(static_cast<std::size_t>(axis) + 1, ' ');
    }

    const Shape& shape_;
    const Element& element_;
    bool shortened_;
};

template <class Element>
std::string tensor_text(const Shape& shape, const Element& element) {
    return TensorText<Element>(shape, element).write();
}

}  // namespace detail

/// The elements in brackets, one pair for each axis; "undefined" for a tensor without memory.
template <class T, class D>
std::string to_string(const Tensor<T, D>& tensor) {
    if (!tensor.defined())
        return "undefined";
    const Tensor<T> elements = on_host(tensor);
    std::size_t width = 0;
    const auto measured = [&](std::int64_t place) {
        width = std::max(width, detail::element_text(elements.data()[place]).size());
        return std::string();
    };
    detail::tensor_text(tensor.shape(), measured);
    return detail::tensor_text(tensor.shape(), [&](std::int64_t place) {
        const std::string text = detail::element_text(elements.data()[place]);
        return std::string(width - text.size(), ' ') + text;
    });
}

template <class T, class D>
std::ostream& operator<<(std::ostream& out, const Tensor<T, D>& tensor) {
    return out << to_string(tensor);
}

}  // namespace lafs::inline LAFS_ABI
