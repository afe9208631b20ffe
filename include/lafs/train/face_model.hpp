// A recogniser whose kind is chosen at run time (Part fViT or plain fViT), and its weights file.
//
// The metadata of a weights file says what the network needs: architecture, colour order, normalisation.
#pragma once

#include <lafs/data/image_ops.hpp>
#include <lafs/io/weights.hpp>
#include <lafs/models/part_fvit.hpp>
#include <lafs/train/model_spec.hpp>
#include <memory>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Part fViT or plain fViT.
template <class T = float, class D = Cpu>
class FaceModel : public Module<T, D> {
public:
    explicit FaceModel(const ModelSpec& spec) : spec_(spec) {
        if (spec.landmarks)
            part_ = std::make_unique<PartFViT<T, D>>(spec.vit);
        else
            grid_ = std::make_unique<FViT<T, D>>(spec.vit);
    }

    const ModelSpec& spec() const { return spec_; }
    bool has_landmarks() const { return part_ != nullptr; }
    std::int64_t width() const { return spec_.vit.width; }

    void visit(Visitor<T, D>& visitor) override { visitor.child("", transformer()); }

    /// The part that works on tokens.
    Vit<T, D>& transformer() {
        if (part_)
            return *part_;
        return *grid_;
    }
    /// The Part fViT. Throws for a plain fViT.
    PartFViT<T, D>& part() {
        require(part_ != nullptr, "face_model", "a plain fViT has no landmark CNN, expected a Part fViT");
        return *part_;
    }

    /// images (B, 3, 112, 112) -> embeddings (B, width), recorded.
    Variable<T, D> forward(const Variable<T, D>& images) const {
        return part_ ? part_->forward(images) : grid_->forward(images);
    }

    /// Embeddings in evaluation mode.
    Tensor<T, D> embed(const Tensor<T, D>& images) {
        const EvaluationScope<T, D> evaluation(*this);
        return forward(Variable<T, D>(images)).value();
    }

private:
    ModelSpec spec_;
    std::unique_ptr<PartFViT<T, D>> part_;
    std::unique_ptr<FViT<T, D>> grid_;
};

/// The metadata of a weights file of this model.
inline std::map<std::string, std::string> model_metadata(const ModelSpec& spec) {
    return {{"format", "lafs weights 1"},
            {"architecture", spec.landmarks ? "part_fvit" : "fvit"},
            {"model", model_text(spec)},
            {"colour_order", "RGB"},
            {"normalisation", "(x / 255 - 0.5) / 0.5"}};
}

/// The model that a weights file says it holds. Throws when it does not say.
inline ModelSpec model_of(const SafetensorsFile& file) {
    require(file.metadata().contains("model"), "load_weights", file.path().string(),
            " does not say which model it holds (no \"model\" in its metadata): it was not written by lafs");
    require(!file.metadata().contains("colour_order") || file.metadata("colour_order") == "RGB",
            "load_weights", file.path().string(), ": got colour order ", file.metadata("colour_order"),
            ", expected RGB");
    return parse_model(file.metadata("model"));
}

/// Makes the model of a weights file and loads it.
template <class T = float, class D = Cpu>
FaceModel<T, D> load_face_model(const std::filesystem::path& path) {
    const auto file = SafetensorsFile::open(path);
    FaceModel<T, D> model(model_of(file));
    load_weights(model, file);
    return model;
}

}  // namespace lafs::inline LAFS_ABI
