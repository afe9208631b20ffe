// The report of a training run: its settings, the curves of its log, and pictures of what the model does.
#pragma once

#include <lafs/autograd/convert.hpp>
#include <lafs/data/source.hpp>
#include <lafs/faces/face_model.hpp>
#include <lafs/report/report.hpp>
#include <lafs/train/face_batches.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Settings and curves. Keys of the log that `charts` does not name are left out.
inline Report run_report(const std::string& title, const nlohmann::ordered_json& settings,
                         const std::filesystem::path& log, const std::vector<LogChart>& charts) {
    Report report(title, settings.value("model", "") + " on " + settings.value("data", ""));
    if (std::filesystem::exists(log) && std::filesystem::file_size(log) > 0)
        report.add_charts("Training", log_charts(read_log(log), charts));
    std::vector<std::pair<std::string, std::string>> facts;
    for (const auto& [name, value] : settings.items())
        facts.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    report.add_facts("Options", facts);
    return report;
}

namespace detail {

/// Where the tokens of a face are: landmarks, or the middles of the grid's blocks; (tokens, 2) as x, y.
template <class T, class D>
std::vector<float> token_positions(FaceModel<T, D>& model, const Tensor<T, D>& image) {
    if (model.has_landmarks()) {
        const EvaluationScope<T, D> evaluation(model);
        return cast<float>(model.landmarks(Variable<T, D>(image)).value()).to_vector();
    }
    std::vector<float> positions;
    const auto patch = static_cast<int>(model.spec().vit.patch);
    for (int y = 0; y + patch <= face_size; y += patch)
        for (int x = 0; x + patch <= face_size; x += patch) {
            positions.push_back(static_cast<float>(x) + 0.5f * static_cast<float>(patch - 1));
            positions.push_back(static_cast<float>(y) + 0.5f * static_cast<float>(patch - 1));
        }
    return positions;
}

/// The tokens of one face: (1, tokens, patch * patch * 3).
template <class T, class D>
Variable<T, D> tokens_of(FaceModel<T, D>& model, const Tensor<T, D>& image,
                         const std::vector<float>& points) {
    const NoGrad no_grad;
    const std::int64_t patch = model.spec().vit.patch;
    if (!model.has_landmarks())
        return grid_patches(Variable<T, D>(image), patch);
    const auto count = static_cast<std::int64_t>(points.size() / 2);
    const auto at = from_host<T, D>(Tensor<float>::from({1, count, 2}, points));
    return landmark_patches(Variable<T, D>(image), Variable<T, D>(at), patch);
}

/// Attention of the class token in the last block, mean over heads, without the class token itself.
template <class T, class D>
std::vector<float> mean_class_attention(FaceModel<T, D>& model, const Variable<T, D>& tokens) {
    const auto attention = model.transformer().class_attention(tokens).template to<Cpu>();
    const std::int64_t heads = attention.shape(1), count = attention.shape(2);
    std::vector<float> mean(static_cast<std::size_t>(count - 1), 0.0f);
    for (std::int64_t head = 0; head < heads; ++head)
        for (std::int64_t i = 1; i < count; ++i)
            mean[static_cast<std::size_t>(i - 1)] +=
                static_cast<float>(attention.data()[head * count + i]) / static_cast<float>(heads);
    return mean;
}

}  // namespace detail

/// Landmarks, patches and attention on a few faces of a source, spread over its identities; nothing for a model that
/// has no tokens.
template <class T, class D>
void add_model_pictures(Report& report, FaceModel<T, D>& model, const FaceSource& source, int faces = 4) {
    if (!model.has_transformer())
        return;
    std::vector<ReportImage> landmarks, patches, attention;
    for (int i = 0; i < faces && i < source.size(); ++i) {
        std::vector<DamagedImage> damaged;  // a picture less is no reason to fail
        const FoundImage found = next_readable_image(source, source.size() * i / faces, damaged);
        const Image face = resize(found.image, face_size, face_size);
        const auto planes = Tensor<float>::empty({1, 3, face_size, face_size});
        to_planes(face, planes.span());
        const auto image = from_host<T, D>(planes);
        const auto points = detail::token_positions(model, image);
        const Variable<T, D> tokens = detail::tokens_of(model, image, points);
        const auto values = cast<float>(tokens.value()).to_vector();
        const std::string name = source.name(found.index);
        if (model.has_landmarks())
            landmarks.push_back({face, name, points});
        patches.push_back(
            {patch_mosaic(values, static_cast<int>(model.spec().vit.patch), 14,
                          model.has_landmarks() ? PatchLayout::columns_first : PatchLayout::rows_first),
             name,
             {},
             true});
        attention.push_back(
            {attention_overlay(face, points, detail::mean_class_attention(model, tokens), 6.0), name});
    }
    report.add_images("Landmarks", landmarks,
                      "Where the landmark CNN looks; one patch is read around each point.");
    report.add_images("Patches", patches, "What the transformer reads, in the order of its tokens.");
    report.add_images("Attention of the class token", attention,
                      "Last block, mean over heads: bright regions decide the embedding.");
}

}  // namespace lafs::inline LAFS_ABI
