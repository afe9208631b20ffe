// Part fViT (Sun & Tzimiropoulos, arXiv 2212.00057): a landmark CNN finds points of the face, a transformer
// reads the patches around them. Both learn from the recognition loss alone.
#pragma once

#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/models/landmark_cnn.hpp>
#include <lafs/models/vit.hpp>

namespace lafs::inline LAFS_ABI {

/// Landmark CNN, landmark patches and transformer, all in elements of T. (In 16-bit elements they are two
/// modules: a Vit, and a LandmarkCnn in float whose patches it reads. Landmarks need more bits than these
/// types have.) Published names: those of Vit, `stn.features.*` and `output_layer.1.*`. Images are (B, 3,
/// config.image_size, config.image_size) with values in [-1, 1]; images of another size throw.
template <class T, class D = Cpu>
class PartFViT : public Vit<T, D> {
    static_assert(std::is_same_v<T, compute_t<T>>,
                  "landmarks need float: put a Vit of 16-bit elements behind a LandmarkCnn<float>");

public:
    /// One landmark a token of the configuration; landmarks span 0 .. image_size - 1 pixels. Throws when the
    /// configuration is invalid.
    explicit PartFViT(const VitConfig& config)
        : Vit<T, D>(config), landmark_cnn(LandmarkCnnConfig{config.tokens, config.image_size}) {
        require(config.image_size > 1 && config.channels == 3, "part_fvit", "got images of side ",
                config.image_size, " and ", config.channels,
                " channels, expected a side above 1 and 3 channels");
    }

    /// The same for images of another side than the configuration says.
    PartFViT(const VitConfig& config, std::int64_t image_size) : PartFViT(resized(config, image_size)) {}

    /// images -> landmarks (B, tokens, 2), (x, y) in pixels.
    Variable<T, D> landmarks(const Variable<T, D>& images) const { return landmark_cnn.landmarks(images); }

    /// images -> embeddings (B, width); landmark CNN and transformer learn together.
    Variable<T, D> forward(const Variable<T, D>& images) const { return forward(images, landmarks(images)); }

    /// images and landmarks (B, n, 2), n <= tokens, from elsewhere -> (B, width).
    Variable<T, D> forward(const Variable<T, D>& images, const Variable<T, D>& points) const {
        check_image_size("part_fvit", images.shape(), 3, this->config().image_size);
        return this->forward_tokens(landmark_patches(images, points, this->config().patch));
    }

    /// Embeddings in evaluation mode, recording nothing; from any number of threads at a time: (B, 3,
    /// image_size, image_size) -> (B, width).
    Tensor<T, D> embed(const Tensor<T, D>& images) const {
        const EvaluationScope<T, D> evaluation(*this);
        return forward(Variable<T, D>(images)).value();
    }

    LandmarkCnn<T, D> landmark_cnn;

protected:
    void visit_image_part(Visitor<T, D>& visitor) override { visitor.child("", landmark_cnn); }

private:
    static VitConfig resized(VitConfig config, std::int64_t image_size) {
        config.image_size = image_size;
        return config;
    }
};

}  // namespace lafs::inline LAFS_ABI
