// Weights of a small recogniser, random but always the same, for tests of programs that use one.
#pragma once

#include <filesystem>
#include <lafs/faces/face_model.hpp>
#include <span>
#include <vector>

#include "temporary_folder.hpp"

namespace lafs_test {

/// The model and its file, made once.
class SmallRecogniser {
public:
    static SmallRecogniser& get() {
        static SmallRecogniser recogniser;
        return recogniser;
    }

    const std::filesystem::path& weights() const { return path_; }

    /// The embedding of one aligned face.
    std::vector<float> embed(const lafs::Image& face) {
        auto images = lafs::Tensor<float>::empty({1, 3, lafs::face_size, lafs::face_size});
        lafs::to_planes(face, images.span());
        return model_.embed(images).to_vector();
    }

    std::int64_t width() const { return model_.width(); }

private:
    SmallRecogniser()
        : model_(lafs::parse_model("grid-tiny:depth=1,width=32,heads=1,hidden=32")),
          path_(folder_ / "model.safetensors") {
        lafs::save_weights(model_, path_, lafs::model_metadata(model_.spec()));
    }

    TemporaryFolder folder_;
    lafs::FaceModel<float> model_;
    std::filesystem::path path_;
};

}  // namespace lafs_test
