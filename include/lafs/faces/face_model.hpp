// A recogniser whose kind is chosen at run time (Part fViT, plain fViT, IResNet, MobileFaceNet), and its weights file.
//
// Images are always given as RGB with mean and deviation 0.5; a model that was trained on other pixels
// converts them itself.
#pragma once

#include <lafs/autograd/convert.hpp>
#include <lafs/faces/model_inference.hpp>
#include <lafs/faces/model_spec.hpp>
#include <lafs/faces/pixel_text.hpp>
#include <lafs/io/weights.hpp>
#include <lafs/models/part_fvit.hpp>
#include <memory>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Part fViT, plain fViT, IResNet or MobileFaceNet.
template <class T = float, class D = Cpu>
class FaceModel : public Module<T, D> {
public:
    explicit FaceModel(const ModelSpec& spec) : spec_(spec) {
        if (spec.network == Network::iresnet)
            iresnet_ = std::make_unique<IResNet<T, D>>(spec.iresnet);
        else if (spec.network == Network::mobilefacenet)
            mobilefacenet_ = std::make_unique<MobileFaceNet<T, D>>(spec.mobilefacenet);
        else if (spec.landmarks)
            part_ = std::make_unique<PartFViT<T, D>>(spec.vit);
        else
            grid_ = std::make_unique<FViT<T, D>>(spec.vit);
    }
    /// For `deep_copy` (nn/deep_copy.hpp); throws elsewhere.
    FaceModel(const FaceModel& other)
        : Module<T, D>(other),
          spec_(other.spec_),
          part_(copy_of(other.part_)),
          grid_(copy_of(other.grid_)),
          iresnet_(copy_of(other.iresnet_)),
          mobilefacenet_(copy_of(other.mobilefacenet_)) {}
    FaceModel(FaceModel&&) noexcept = default;
    FaceModel& operator=(FaceModel&&) noexcept = default;

    const ModelSpec& spec() const { return spec_; }
    bool has_landmarks() const { return part_ != nullptr; }
    bool has_transformer() const { return part_ || grid_; }
    std::int64_t width() const { return spec_.width(); }

    void visit(Visitor<T, D>& visitor) override {
        if (iresnet_)
            visitor.child("", *iresnet_);
        else if (mobilefacenet_)
            visitor.child("", *mobilefacenet_);
        else
            visitor.child("", transformer());
    }

    /// The part that works on tokens. Throws for a model without.
    Vit<T, D>& transformer() { return const_cast<Vit<T, D>&>(std::as_const(*this).transformer()); }
    const Vit<T, D>& transformer() const {
        if (part_)
            return *part_;
        require(grid_ != nullptr, "face_model", "got ",
                spec_.is_transformer() ? "a model that was moved from" : model_text(spec_),
                ", expected a transformer with weights");
        return *grid_;
    }
    /// The Part fViT. Throws for another model.
    PartFViT<T, D>& part() { return const_cast<PartFViT<T, D>&>(std::as_const(*this).part()); }
    const PartFViT<T, D>& part() const {
        require(part_ != nullptr, "face_model", "got ",
                spec_.is_transformer() ? "a plain fViT" : model_text(spec_),
                ", which has no landmark CNN, expected a Part fViT");
        return *part_;
    }

    /// images (B, 3, side, side) -> embeddings (B, width), recorded; the side is spec().image_size().
    Variable<T, D> forward(const Variable<T, D>& images) const {
        return this->observed([&] {
            const Variable<T, D> pixels = to_pixel_format(images, spec_.pixels);
            if (iresnet_)
                return iresnet_->forward(pixels);
            if (mobilefacenet_)
                return mobilefacenet_->forward(pixels);
            transformer();  // throws for a model that was moved from
            return part_ ? part_->forward(pixels) : grid_->forward(pixels);
        });
    }

    /// images -> landmarks (B, tokens, 2), (x, y) in pixels. Throws for a model that finds none.
    Variable<T, D> landmarks(const Variable<T, D>& images) const {
        return part().landmarks(to_pixel_format(images, spec_.pixels));
    }

    /// Embeddings in evaluation mode; from any number of threads at a time.
    Tensor<T, D> embed(const Tensor<T, D>& images) const {
        const EvaluationScope<T, D> evaluation(*this);
        return forward(Variable<T, D>(images)).value();
    }

    /// The same for images of the host, in its floats: they go to the model's device and type, and the
    /// embeddings come back.
    Tensor<float> embed_host(const Tensor<float>& images) const {
        return cast<float>(embed(from_host<T, D>(images))).template to<Cpu>();
    }

private:
    template <class Net>
    static std::unique_ptr<Net> copy_of(const std::unique_ptr<Net>& net) {
        return net ? std::make_unique<Net>(*net) : nullptr;
    }

    ModelSpec spec_;
    std::unique_ptr<PartFViT<T, D>> part_;
    std::unique_ptr<FViT<T, D>> grid_;
    std::unique_ptr<IResNet<T, D>> iresnet_;
    std::unique_ptr<MobileFaceNet<T, D>> mobilefacenet_;
};

/// How a model is made from a file.
struct FaceModelOptions {
    std::string key;         ///< sub-dictionary of the file; empty: see find_weights
    std::int64_t heads = 0;  ///< heads of the model; 0: as the metadata say, else heads of 64
};

namespace detail {

inline std::string model_note(const ModelSpec& spec) {
    return "the file holds the model " + model_text(spec) + " on " + colour_order_text(spec.pixels) + ", " +
           normalisation_text(spec.pixels);
}

}  // namespace detail

/// Makes the model of a weights file, published checkpoint or file of this library, loads it, and puts it in
/// evaluation mode (`model.train()` to train it). The heads of training may be left over. `report`, when given, receives what was found. Throws the whole report for a
/// file that does not fit, and says what else it is.
template <class T = float, class D = Cpu>
FaceModel<T, D> load_face_model(const WeightsFile& file, const FaceModelOptions& options = {},
                                WeightsReport* report = nullptr) {
    const WeightsNames names = find_weights(file.names(), file.path().string(), options.key);
    FaceModel<T, D> model(model_of(file, names, options.heads));
    WeightsOptions how{options.key, all_names, is_training_head_name, {detail::model_note(model.spec())}};
    if (model.has_transformer() && !model.has_landmarks())
        how.notes.push_back("no landmark CNN: patches are those of the plain grid");
    WeightsReport found = load_weights(model, file, names, how);
    if (report)
        *report = std::move(found);
    model.eval();
    return model;
}

/// Opens the file and does the same.
template <class T = float, class D = Cpu>
FaceModel<T, D> load_face_model(const std::filesystem::path& path, const FaceModelOptions& options = {},
                                WeightsReport* report = nullptr) {
    return load_face_model<T, D>(open_weights(path), options, report);
}

/// Loads the chosen parts of a model that will be trained, on the usual pixels, from a file that may hold
/// others: of a recogniser or of a pre-training checkpoint. Throws as load_weights does, naming the file's
/// model, and for a file of other pixels.
template <class T, class D>
WeightsReport load_for_training(Module<T, D>& model, const std::filesystem::path& path,
                                const NameFilter& chosen = all_names) {
    const WeightsFile file = open_weights(path);
    const PixelFormat pixels = parse_pixels(file.metadata(), path.string());
    require(is_usual(pixels), "load_weights", path.string(), " was trained on ", colour_order_text(pixels),
            ", ", normalisation_text(pixels), ", expected what training here uses: ", colour_order_text({}),
            ", ", normalisation_text({}));
    WeightsOptions how{"", chosen, all_names, {}};
    const WeightsNames names = find_weights(file.names(), path.string());
    if (names.in_file.contains("pos_embedding") || names.in_file.contains("layer1.0.prelu.weight") ||
        names.in_file.contains("conv_sep.layers.0.weight"))
        how.notes.push_back(detail::model_note(model_of(file, names)));
    return load_weights(model, file, names, how);
}

}  // namespace lafs::inline LAFS_ABI
