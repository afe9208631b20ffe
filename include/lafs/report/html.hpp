// Pieces of a self-contained HTML page: style, images as data, tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <lafs/report/pictures.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A picture in a report. Landmarks, (count, 2) as x, y in pixels, are drawn over it, coloured by their
/// number so that the same landmark can be found in other faces.
struct ReportImage {
    Image image = {};
    std::string caption = {};
    std::vector<float> landmarks = {};
    bool sharp_pixels = false;  ///< enlarge without smoothing, for patches
};

namespace detail {

inline constexpr std::string_view report_style = R"(
:root { color-scheme: light; }
body { margin: 0; background: #f4f5f7; color: #24292f; line-height: 1.5;
       font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header { background: #14324f; color: #fff; padding: 28px 0 24px; }
header h1 { margin: 0; font-size: 26px; font-weight: 600; }
header p { margin: 4px 0 0; color: #c9d6e3; }
.page { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
nav { background: #fff; border-bottom: 1px solid #dfe3e8; }
nav .page { display: flex; flex-wrap: wrap; gap: 4px 22px; padding-top: 10px; padding-bottom: 10px; }
nav a { color: #0b5394; text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { background: #fff; border: 1px solid #dfe3e8; border-radius: 6px; margin: 22px 0; padding: 18px 24px 22px; }
h2 { font-size: 19px; font-weight: 600; margin: 0 0 8px; }
section > p { margin: 0 0 14px; color: #59636e; max-width: 80ch; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 18px 26px; }
.charts svg { width: 100%; height: auto; max-width: 820px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 16px; }
figure { margin: 0; }
figure svg, figure img { display: block; width: 100%; height: auto; border-radius: 4px; }
.sharp { image-rendering: pixelated; }
figcaption { font-size: 13px; color: #59636e; margin-top: 4px; text-align: center; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 18px 6px 0; text-align: left; border-bottom: 1px solid #e6e9ed; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid #c8ced6; }
td + td, th + th { padding-left: 10px; }
table.facts td:first-child { color: #59636e; white-space: nowrap; }
footer { color: #59636e; font-size: 13px; padding-bottom: 28px; }
@media print { body { background: #fff; } nav { display: none; } section { break-inside: avoid; border: 0; } }
)";

/// Bytes as base64 (RFC 4648).
inline std::string base64(std::span<const std::byte> bytes) {
    static constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned word = 0;
        for (std::size_t k = 0; k < 3; ++k)
            word = word << 8 | (i + k < bytes.size() ? std::to_integer<unsigned>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k > bytes.size() ? '=' : letters[word >> (18 - 6 * k) & 63u];
    }
    return out;
}

/// Dots at the landmarks, in a coordinate system of pixels whose centres are at halves. Neighbours in number
/// share a path, so the colour changes a few times only.
inline std::string landmark_dots(const std::vector<float>& landmarks) {
    constexpr std::size_t colours = 14;
    const std::size_t count = landmarks.size() / 2;
    std::array<std::string, colours> paths;
    std::string all;
    for (std::size_t k = 0; k < count; ++k) {
        char point[64];
        std::snprintf(point, sizeof(point), "M%.1f %.1fh0", static_cast<double>(landmarks[2 * k]) + 0.5,
                      static_cast<double>(landmarks[2 * k + 1]) + 0.5);
        paths[k * colours / count] += point;
        all += point;
    }
    std::string out = "<g fill=\"none\" stroke-linecap=\"round\"><path d=\"" + all +
                      "\" stroke=\"#fff\" stroke-width=\"2.5\"/>";
    for (std::size_t k = 0; k < colours; ++k) {
        if (paths[k].empty())
            continue;
        const std::array<double, 3> colour = viridis(static_cast<double>(k) / (colours - 1));
        char text[16];
        std::snprintf(text, sizeof(text), "#%02x%02x%02x", to_byte(colour[0]), to_byte(colour[1]),
                      to_byte(colour[2]));
        out += "<path d=\"" + paths[k] + "\" stroke=\"" + text + "\" stroke-width=\"1.7\"/>";
    }
    return out + "</g>";
}

/// A `<figure>` with the picture inside it as a PNG.
inline std::string figure(const ReportImage& picture) {
    require(picture.landmarks.size() % 2 == 0, "report", "got ", picture.landmarks.size(),
            " landmark coordinates, expected x and y of each");
    check_numbers("report", "landmark coordinates", picture.landmarks, picture.landmarks.size());
    const std::string data = "data:image/png;base64," + base64(encode_png(picture.image));
    const std::string caption = escape_markup(picture.caption), width = std::to_string(picture.image.width),
                      height = std::to_string(picture.image.height);
    std::string out = "<figure>";
    if (picture.landmarks.empty())
        out += "<img" + std::string(picture.sharp_pixels ? " class=\"sharp\"" : "") + " width=\"" + width +
               "\" height=\"" + height + "\" alt=\"" + caption + "\" src=\"" + data + "\">";
    else
        out += "<svg viewBox=\"0 0 " + width + " " + height + "\" role=\"img\" aria-label=\"" + caption +
               "\"><image width=\"" + width + "\" height=\"" + height + "\" href=\"" + data + "\"/>" +
               landmark_dots(picture.landmarks) + "</svg>";
    if (!caption.empty())
        out += "<figcaption>" + caption + "</figcaption>";
    return out + "</figure>\n";
}

/// A `<table>`; all texts are escaped. Without a header its first column names the rest.
inline std::string table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows) {
    std::string out = header.empty() ? "<div class=\"scroll\"><table class=\"facts\">\n"
                                     : "<div class=\"scroll\"><table>\n";
    const auto append_row = [&](const std::vector<std::string>& cells, const std::string& tag) {
        out += "<tr>";
        for (const std::string& cell : cells)
            out += "<" + tag + ">" + escape_markup(cell) + "</" + tag + ">";
        out += "</tr>\n";
    };
    if (!header.empty())
        append_row(header, "th");
    for (const std::vector<std::string>& row : rows) {
        require(header.empty() || row.size() == header.size(), "report", "got a row of ", row.size(),
                " cells, expected ", header.size(), " as in the header");
        append_row(row, "td");
    }
    return out + "</table></div>\n";
}

}  // namespace detail

}  // namespace lafs::inline LAFS_ABI
