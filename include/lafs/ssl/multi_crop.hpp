// Multi-crop: the views of one image in self-supervised pre-training (LAFS, arXiv 2403.08161, after DINO,
// arXiv 2104.14294).
//
// Two global and several local views. Each is a random resized crop, mirrored or not; global and local ones
// have ranges and sizes of their own (the same in LAFS, smaller local views in DINO). From a crop come a clean
// picture, on which the landmark network runs, and an augmented one, from which patches are taken. The views
// are a pure function of image, options and random sequence: the same numbers are drawn whether they are used
// or not.
#pragma once

#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/data/augment.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/data/random_crop.hpp>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Probabilities of the changes that make an augmented picture.
struct ViewAugmentation {
    double jitter = 0.8, grayscale = 0.2, blur = 0.0, solarize = 0.0;
};

struct MultiCropOptions {
    int size = 112;        ///< side of a global view in pixels
    int local_size = 112;  ///< side of a local one
    int local_views = 8;   ///< besides the two global ones
    BoxRange global_crop{0.4, 1.0, 3.0 / 4.0, 4.0 / 3.0};
    BoxRange local_crop{0.4, 1.0, 3.0 / 4.0, 4.0 / 3.0};
    double flip = 0.5;
    ColourJitter jitter{};
    double smallest_blur = 0.1, largest_blur = 2.0;  ///< radius in pixels
    ViewAugmentation first_global{0.8, 0.2, 1.0, 0.0};
    ViewAugmentation second_global{0.8, 0.2, 0.1, 0.2};
    ViewAugmentation local{0.8, 0.2, 0.5, 0.0};
};

/// The views of DINO on plain grids, as published for faces: local ones show 5 to 40 % of the picture at 48
/// pixels. The default above is that of LAFS, whose local views are as large as the global ones.
inline MultiCropOptions dino_crops() {
    MultiCropOptions crops;
    crops.local_size = 48;
    crops.local_crop = {0.05, 0.4, 3.0 / 4.0, 4.0 / 3.0};
    return crops;
}

/// The two pictures of one crop.
struct CropView {
    Image clean, augmented;
};

/// Where the two pictures of a view go: (3, side, side) values each.
struct ViewPlanes {
    std::span<float> clean, augmented;
};

/// The schedule of views.
class MultiCrop {
public:
    static constexpr int global_views = 2;

    /// Throws for options outside their ranges.
    explicit MultiCrop(const MultiCropOptions& options = {}) : options_(options) {
        require(options.size > 0 && options.local_size > 0 && options.local_views >= 0, "multi-crop", "got ",
                options.local_views, " local views of side ", options.local_size, ", global ones of side ",
                options.size, ", expected 0 or more of positive sides");
        require(options.smallest_blur >= 0 && options.smallest_blur <= options.largest_blur, "multi-crop",
                "got blur radii ", options.smallest_blur, " .. ", options.largest_blur,
                ", expected ascending from 0");
        for (const auto& view : {options.first_global, options.second_global, options.local})
            for (const double probability :
                 {view.jitter, view.grayscale, view.blur, view.solarize, options.flip})
                require(probability >= 0 && probability <= 1, "multi-crop", "got the probability ",
                        probability, ", expected 0 .. 1");
        check_box_range(options.global_crop);
        check_box_range(options.local_crop);
        check_jitter(options.jitter);
    }

    const MultiCropOptions& options() const { return options_; }
    int view_count() const { return global_views + options_.local_views; }

    /// The two global views, then the local ones.
    std::vector<CropView> views(const Image& image, RandomSequence& random) const {
        std::vector<CropView> result;
        for (int view = 0; view < view_count(); ++view)
            result.push_back(draw_view(image, view, random));
        return result;
    }

    /// The same views as normalised planes. Throws unless `out` has `view_count()` entries of the right size.
    void write_views(const Image& image, RandomSequence& random, std::span<const ViewPlanes> out,
                     const PixelFormat& format = {}) const {
        require(out.size() == static_cast<std::size_t>(view_count()), "multi-crop", "got room for ",
                out.size(), " views, expected ", view_count());
        for (std::size_t view = 0; view < out.size(); ++view) {
            const CropView drawn = draw_view(image, static_cast<int>(view), random);
            to_planes(drawn.clean, out[view].clean, format);
            to_planes(drawn.augmented, out[view].augmented, format);
        }
    }

private:
    const ViewAugmentation& augmentation(int view) const {
        return view == 0 ? options_.first_global : view == 1 ? options_.second_global : options_.local;
    }

    CropView draw_view(const Image& image, int view, RandomSequence& random) const {
        check_image(image, "multi-crop");
        const bool global = view < global_views;
        const BoxRange& range = global ? options_.global_crop : options_.local_crop;
        const int side = global ? options_.size : options_.local_size;
        CropView result;
        result.clean = resized_crop(image, random_crop_box(image.width, image.height, range, random), side,
                                    side, Filter::bicubic);
        if (random.uniform() < options_.flip)
            result.clean = flip_horizontal(result.clean);
        result.augmented = augment(result.clean, augmentation(view), random);
        return result;
    }

    Image augment(Image image, const ViewAugmentation& chance, RandomSequence& random) const {
        const auto happens = [&](double probability) { return random.uniform() < probability; };
        const bool jitter = happens(chance.jitter);
        const JitterDraw drawn = draw_jitter(options_.jitter, random);
        const bool grey = happens(chance.grayscale), blur = happens(chance.blur);
        const double radius = random.uniform(options_.smallest_blur, options_.largest_blur);
        const bool solar = happens(chance.solarize);
        if (jitter)
            image = apply_jitter(std::move(image), drawn);
        if (grey)
            image = grayscale(std::move(image));
        if (blur)
            image = gaussian_blur(std::move(image), radius);
        if (solar)
            image = solarize(std::move(image));
        return image;
    }

    MultiCropOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
