// Checks that HTML and SVG text is well formed: every element closed in order, no stray signs.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace lafs_test {

/// What is wrong with the markup; empty when nothing is. `<style>` content is skipped.
inline std::string markup_problem(std::string_view text) {
    std::vector<std::string> open;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '>')
            return "stray > at " + std::to_string(i);
        if (text[i] == '&' && text.substr(i, 10).find(';') == std::string_view::npos)
            return "stray & at " + std::to_string(i);
        if (text[i] != '<')
            continue;
        const std::size_t end = text.find('>', i);
        if (end == std::string_view::npos)
            return "unclosed tag at " + std::to_string(i);
        const std::string_view tag = text.substr(i + 1, end - i - 1);
        i = end;
        if (tag.starts_with('!'))
            continue;
        if (tag.find('<') != std::string_view::npos)
            return "< inside <" + std::string(tag) + ">";
        const bool closing = tag.starts_with('/');
        std::string name;
        for (const char c : tag.substr(closing ? 1 : 0)) {
            if (!std::isalnum(static_cast<unsigned char>(c)))
                break;
            name += c;
        }
        if (closing) {
            if (open.empty() || open.back() != name)
                return "</" + name + "> closes <" + (open.empty() ? "" : open.back()) + ">";
            open.pop_back();
        } else if (!tag.ends_with('/') && name != "meta" && name != "img" && name != "br") {
            open.push_back(name);
        }
        if (name == "style" && !closing)
            i = text.find("</style>", i) - 1;
    }
    return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

/// How often `part` occurs in `text`.
inline int count_of(std::string_view text, std::string_view part) {
    int count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos;
         at = text.find(part, at + part.size()))
        ++count;
    return count;
}

}  // namespace lafs_test
