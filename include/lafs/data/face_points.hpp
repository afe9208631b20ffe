// Lists of five points per face, and the choice of one face in a picture that shows several.
//
// A line is `image x1 y1 .. x5 y5`, or that and a detector's score (the form of the IJB lists): left eye,
// right eye, nose, left and right corner of the mouth, in pixels. With tabs between the fields names may hold
// spaces. An image that shows several faces has a line for each.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/text_lines.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// One line of a list.
struct FacePoints {
    std::string image;  ///< relative, with / between its parts; never leads out of the folder it is meant for
    FivePoints points;
    std::int64_t line = 0;
};

namespace detail {

/// A name such as `ann/1.jpg`, without `./` and doubled slashes; empty for one that is absolute, leads to a
/// parent folder, names no file or has control characters.
inline std::string inner_name(std::string_view text) {
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; }))
        return {};
    std::string name;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find('/'));
        if (part == ".." || (part.empty() && name.empty()))
            return {};
        if (!part.empty() && part != ".")
            name.append(name.empty() ? "" : "/").append(part);
        else if (part.size() == text.size())
            return {};
        text.remove_prefix(std::min(text.size(), part.size() + 1));
    }
    return name;
}

/// Ten fields `x1 y1 .. x5 y5` of a line. Throws for numbers that are not finite or beyond 1e6.
inline FivePoints parse_five_points(const TextLines& lines, std::span<const std::string_view> fields) {
    constexpr int limit = 1'000'000;
    FivePoints points;
    for (std::size_t k = 0; k < 10; ++k) {
        const double value = lines.finite_number(fields[k], "coordinate");
        lines.require(std::abs(value) <= limit, "got the coordinate ", TextLines::quoted(fields[k]),
                      ", expected at most ", limit);
        (k % 2 == 0 ? points[k / 2].x : points[k / 2].y) = value;
    }
    return points;
}

}  // namespace detail

/// Reads a list of points. Throws with file and line for other lines, names that lead out of a folder, and
/// numbers that are not finite or beyond 1e6.
inline std::vector<FacePoints> read_face_points(const std::filesystem::path& path) {
    TextLines lines("face points", path);
    std::vector<FacePoints> list;
    while (lines.next()) {
        const auto fields = lines.fields(lines.text().find('\t') == std::string_view::npos ? ' ' : '\t');
        lines.require(fields.size() == 11 || fields.size() == 12, "got ", fields.size(),
                      " fields, expected `image x1 y1 .. x5 y5`, or these and a score");
        FacePoints face{detail::inner_name(fields[0]), {}, lines.number()};
        lines.require(!face.image.empty(), "got the image ", TextLines::quoted(fields[0]),
                      ", expected the plain name of a file inside the folder");
        face.points = detail::parse_five_points(lines, fields.subspan(1, 10));
        if (fields.size() == 12)
            lines.finite_number(fields[11], "score");
        list.push_back(std::move(face));
    }
    return list;
}

/// Throws unless five points lie in an image of this size, with one pixel for lists that count from 1 or from the
/// pixels' corners. `name` stands for the image in the error.
inline void check_points_inside(const FivePoints& points, int width, int height,
                                const std::string& name = "the image") {
    for (const Point& p : points)
        require(p.x >= -1 && p.y >= -1 && p.x <= width && p.y <= height, "face points", "the point ", p.x,
                ", ", p.y, " lies outside ", name, " of ", width, " x ", height,
                " pixels, expected points of this image at this size");
}

/// Which of several faces is meant.
enum class FaceChoice { largest, central };

/// Reads "largest" or "central"; other texts throw.
inline FaceChoice parse_face_choice(std::string_view text) {
    require(text == "largest" || text == "central", "face choice", "got \"", text,
            "\", expected largest or central");
    return text == "largest" ? FaceChoice::largest : FaceChoice::central;
}

/// The place of the chosen face in the list: that of the largest by the transform that aligns it, or that
/// whose points have their mean closest to the middle of the image; the first of equals. Throws for an empty
/// list and for points that determine no transform.
inline std::size_t choose_face(std::span<const FivePoints> faces, int width, int height, FaceChoice choice) {
    require(!faces.empty(), "face choice", "got no faces, expected at least one");
    std::size_t best = 0;
    double least = 0;
    for (std::size_t i = 0; i < faces.size(); ++i) {
        double cost = 0;
        if (choice == FaceChoice::largest) {
            cost = estimate_similarity(faces[i], face_template).scale();
        } else {
            Point middle{-0.5 * (width - 1), -0.5 * (height - 1)};
            for (const Point& p : faces[i])
                middle = {middle.x + p.x / 5, middle.y + p.y / 5};
            cost = std::hypot(middle.x, middle.y);
        }
        if (i == 0 || cost < least) {
            best = i;
            least = cost;
        }
    }
    return best;
}

}  // namespace lafs::inline LAFS_ABI
