// IJB results for people and for programs.
#pragma once

#include <lafs/faces/evaluate_ijb.hpp>
#include <lafs/report/verification_report.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

namespace detail {

inline std::string image_features_text(const IjbOptions& protocol) {
    return protocol.normalise_images ? "normalised" : "as they are";
}

}  // namespace detail

/// {"definition", "gallery_templates", "probes", "mated_probes", "tpir_at_fpir": {"0.01": .., "0.1": ..},
/// "thresholds": {..}, "rank": {"1": .., "5": .., "10": ..}}; null where a rate cannot be told.
inline nlohmann::ordered_json identification_json(const IdentificationResult& result) {
    nlohmann::ordered_json tpir = nlohmann::ordered_json::object(), thresholds = tpir, ranks = tpir;
    for (const TpirAtFpir& point : result.tpir) {
        const std::string key = detail::formatted("%g", point.fpir);
        tpir[key] = detail::number_or_null(point.tpir);
        thresholds[key] = detail::number_or_null(point.threshold);
    }
    for (const RankRate& rate : result.ranks)
        ranks[std::to_string(rate.rank)] = detail::number_or_null(rate.rate);
    return {{"definition", result.name},
            {"gallery_templates", result.gallery_templates},
            {"probes", result.probes},
            {"mated_probes", result.mated},
            {"tpir_at_fpir", tpir},
            {"thresholds", thresholds},
            {"rank", ranks}};
}

/// {"protocol": "ijb", "set", "image_features": "as they are" or "normalised", "mirrored", "detector_score",
/// "images", "templates", "pairs", "impostor_pairs", "tar_at_far": {"1e-06": ..},
/// "identification": {"pooled": .., "pooled_maxima": .., "per_gallery": .., "galleries": {name: ..}},
/// "calibration"}; the last two where they were asked for or are there.
inline nlohmann::ordered_json ijb_json(const std::string& set, const IjbResult& result) {
    nlohmann::ordered_json json = {{"protocol", "ijb"},
                                   {"set", set},
                                   {"image_features", detail::image_features_text(result.protocol)},
                                   {"mirrored", result.protocol.mirrored},
                                   {"detector_score", result.protocol.use_detector_score},
                                   {"images", result.images},
                                   {"templates", result.templates},
                                   {"pairs", result.genuine_pairs + result.impostor_pairs},
                                   {"impostor_pairs", result.impostor_pairs},
                                   {"tar_at_far", tar_at_far_json(result.tar_at_far)}};
    if (result.identification) {
        const Identification& found = *result.identification;
        nlohmann::ordered_json galleries = nlohmann::ordered_json::object();
        for (const IdentificationResult& gallery : found.galleries)
            galleries[gallery.name] = identification_json(gallery);
        json["identification"] = {{"pooled", identification_json(found.pooled)},
                                  {"pooled_maxima", identification_json(found.pooled_maxima)},
                                  {"per_gallery", identification_json(found.per_gallery)},
                                  {"galleries", galleries}};
    }
    if (result.calibration)
        json["calibration"] = calibration_json(*result.calibration);
    return json;
}

namespace detail {

inline std::string identification_line(const std::string& name, const IdentificationResult& result) {
    std::string text = formatted("%-22s", name.c_str());
    const auto cell = [&](const std::optional<double>& rate) {
        text += rate ? formatted("  %9.2f", 100 * *rate) : std::string("        n/a");
    };
    for (const TpirAtFpir& point : result.tpir)
        cell(point.tpir);
    for (const RankRate& rate : result.ranks)
        cell(rate.rate);
    return text + "\n";
}

inline std::string identification_text(const Identification& found) {
    std::string text = formatted("1:N, %zu probes (in %%)", found.pooled.probes);
    text.resize(std::max<std::size_t>(text.size(), 22), ' ');
    for (const TpirAtFpir& point : found.pooled.tpir)
        text += formatted("  %9s", formatted("FPIR %g", point.fpir).c_str());
    for (const RankRate& rate : found.pooled.ranks)
        text += formatted("  %9s", formatted("rank %lld", static_cast<long long>(rate.rank)).c_str());
    text += "\n" + identification_line("pooled", found.pooled) +
            identification_line("pooled_maxima", found.pooled_maxima) +
            identification_line("per_gallery", found.per_gallery);
    for (const IdentificationResult& gallery : found.galleries)
        text += identification_line("  gallery " + gallery.name, gallery);
    return text;
}

}  // namespace detail

/// The same as lines of text.
inline std::string ijb_text(const std::string& set, const IjbResult& result) {
    std::string text = detail::formatted("%s: %zu images, %zu templates, %zu pairs (%zu impostor)\n",
                                         set.c_str(), result.images, result.templates,
                                         result.genuine_pairs + result.impostor_pairs, result.impostor_pairs);
    text += "image features: " + detail::image_features_text(result.protocol) +
            (result.protocol.mirrored ? ", image and mirror" : ", without mirrors") +
            (result.protocol.use_detector_score ? ", times the detector's score\n" : "\n");
    text += tar_at_far_text(result.tar_at_far, result.impostor_pairs);
    if (result.identification)
        text += detail::identification_text(*result.identification);
    if (result.calibration)
        text += calibration_text(*result.calibration);
    return text;
}

}  // namespace lafs::inline LAFS_ABI
