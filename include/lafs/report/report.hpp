// The report of a run: one HTML file that needs nothing else. Style, charts (SVG) and pictures (PNG as data)
// are inside; there are no scripts, and its content policy forbids loading anything.
//
//   Report report("Fine-tuning", "tiny model, synthetic faces");
//   report.add_facts("Settings", {{"epochs", "34"}, {"batch", "200"}});
//   report.add_charts("Training", log_charts(read_log(path), training_charts()));
//   report.add_verification("Verification", {{"after LAFS", result}});
//   report.add_images("Landmarks", {{face, "person 7", landmarks}});
//   report.write("report.html");
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/eval/curves.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/report/html.hpp>
#include <lafs/report/log_charts.hpp>
#include <lafs/report/pictures.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A verification result with the name of what was measured.
struct NamedVerification {
    std::string name;
    VerificationResult result;
};

/// Collects sections in the order in which they are added. All texts are plain text and get escaped.
class Report {
public:
    explicit Report(std::string title, std::string subtitle = {})
        : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

    /// A section of text only.
    void add_text(const std::string& title, const std::string& text) { add(title, text, ""); }

    /// Names and values in two columns, e.g. the settings of the run.
    void add_facts(const std::string& title, const std::vector<std::pair<std::string, std::string>>& facts,
                   const std::string& text = {}) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& [name, value] : facts)
            rows.push_back({name, value});
        add(title, text, detail::table({}, rows));
    }

    /// A table. Throws unless every row is as long as the header.
    void add_table(const std::string& title, const std::vector<std::string>& header,
                   const std::vector<std::vector<std::string>>& rows, const std::string& text = {}) {
        require(!header.empty(), "report", "the table \"", title, "\" has no header");
        add(title, text, detail::table(header, rows));
    }

    /// Charts, two in a row where there is room. Nothing is added without charts.
    void add_charts(const std::string& title, const std::vector<Chart>& charts,
                    const std::string& text = {}) {
        if (charts.empty())
            return;
        add(title, text, chart_grid(charts));
    }

    /// Pictures of equal width. Nothing is added without pictures.
    void add_images(const std::string& title, const std::vector<ReportImage>& images,
                    const std::string& text = {}) {
        if (images.empty())
            return;
        std::string body = "<div class=\"pictures\">\n";
        for (const ReportImage& image : images)
            body += detail::figure(image);
        add(title, text, body + "</div>\n");
    }

    /// Table of accuracies and TAR at FAR, ROC and DET curves. The TAR columns are those of the first result.
    void add_verification(const std::string& title, const std::vector<NamedVerification>& results,
                          const std::string& text = {}) {
        require(!results.empty(), "report", "\"", title, "\" has no verification results");
        std::vector<std::string> header = {"", "Pairs", "Accuracy", "Best threshold"};
        for (const TarAtFar& point : results[0].result.tar_at_far)
            header.push_back("TAR at FAR\u00a0" + number("%g", point.far));
        std::vector<std::vector<std::string>> rows;
        std::vector<NamedCurve> curves;
        for (const auto& [name, result] : results) {
            rows.push_back({name, std::to_string(result.pairs),
                            number("%.2f", 100.0 * result.accuracy) + "\u00a0\u00b1\u00a0" +
                                number("%.2f\u00a0%%", 100.0 * result.accuracy_std),
                            number("%.3f", result.best_threshold)});
            for (const TarAtFar& point : result.tar_at_far)
                rows.back().push_back(number("%.2f\u00a0%%", 100.0 * point.tar));
            curves.push_back({name, result.roc});
        }
        add(title, text,
            detail::table(header, rows) + "<br>\n" + chart_grid({roc_chart(curves), det_chart(curves)}));
    }

    std::string html() const {
        std::string out =
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "img-src data:; style-src 'unsafe-inline'\">\n";
        out += "<title>" + escape_markup(title_) + "</title>\n<style>";
        out += detail::report_style;
        out +=
            "</style>\n</head>\n<body>\n<header><div class=\"page\"><h1>" + escape_markup(title_) + "</h1>\n";
        if (!subtitle_.empty())
            out += "<p>" + escape_markup(subtitle_) + "</p>\n";
        out += "</div></header>\n<nav><div class=\"page\">\n";
        for (std::size_t i = 0; i < sections_.size(); ++i)
            out += "<a href=\"#section" + std::to_string(i) + "\">" + escape_markup(sections_[i].first) +
                   "</a>\n";
        out += "</div></nav>\n<main class=\"page\">\n";
        for (std::size_t i = 0; i < sections_.size(); ++i)
            out += "<section id=\"section" + std::to_string(i) + "\">\n<h2>" +
                   escape_markup(sections_[i].first) + "</h2>\n" + sections_[i].second + "</section>\n";
        return out + "</main>\n</body>\n</html>\n";
    }

    /// Writes the page; the file is either whole or what it was before. Throws with the system's reason.
    void write(const std::filesystem::path& path) const { write_file(path, html()); }

private:
    void add(const std::string& title, const std::string& text, const std::string& body) {
        sections_.emplace_back(title, (text.empty() ? "" : "<p>" + escape_markup(text) + "</p>\n") + body);
    }

    static std::string chart_grid(const std::vector<Chart>& charts) {
        std::string out = "<div class=\"charts\">\n";
        for (const Chart& chart : charts)
            out += svg_chart(chart);
        return out + "</div>\n";
    }

    static std::string number(const char* format, double value) {
        char text[64];
        std::snprintf(text, sizeof(text), format, value);
        return text;
    }

    std::string title_, subtitle_;
    std::vector<std::pair<std::string, std::string>> sections_;  // title, markup
};

}  // namespace lafs::inline LAFS_ABI
