// The names and shapes of a file's weights, from which its model is told.
#pragma once

#include <filesystem>
#include <lafs/io/weights.hpp>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// The tensors of one file that are looked at, by the model's names.
class ModelShapes {
public:
    ModelShapes(const WeightsFile& file, const WeightsNames& names) : file_(file), names_(names) {}

    std::string path() const { return file_.path().string(); }
    bool contains(const std::string& name) const { return names_.in_file.contains(name); }

    /// Throws unless all are there. `model` is what the file then is.
    void need(
        const std::vector<std::string>& wanted,
        const std::string& model = "IResNet or MobileFaceNet, and no fViT or Part fViT transformer") const {
        std::vector<std::string> absent, present;
        bool landmarks = false;
        for (const std::string& name : wanted)
            if (!contains(name))
                absent.push_back(name);
        for (const auto& [name, in_file] : names_.in_file) {
            present.push_back(name);
            landmarks |= is_landmark_name(name);
        }
        require(absent.empty(), "load_weights", path(), names_.part.empty() ? "" : " (" + names_.part + ")",
                " holds ", landmarks && absent == wanted ? "a landmark CNN alone, " : "", "no ", model,
                ": it lacks ", short_list(absent), "; it has ",
                present.empty() ? "no tensors" : short_list(present));
    }

    /// The shape of a tensor of `rank` axes.
    std::vector<std::int64_t> shape(const std::string& name, std::size_t rank) const {
        const WeightsInfo info = file_.info(names_.in_file.at(name));
        require(info.shape.size() == rank && info.bytes() > 0, "load_weights", path(), ": ", name,
                " has shape ", shape_text(info.shape), ", expected ", rank, " axes, none empty");
        return info.shape;
    }

    /// Throws unless `value` is a positive multiple of `unit`; returns the quotient.
    std::int64_t divide(const std::string& name, std::int64_t value, std::int64_t unit,
                        const char* what) const {
        require(value > 0 && value % unit == 0, "load_weights", path(), ": ", name, " has ", value, ' ', what,
                ", expected a multiple of ", unit);
        return value / unit;
    }

    /// Throws unless the file has room for a model of so many weights: a small file must not ask for a large model, by
    /// blocks that are there in name only or views that repeat. `sizes` tell what model that is.
    template <class... Sizes>
    void check_holds(double values, const Sizes&... sizes) const {
        const std::uintmax_t bytes = std::filesystem::file_size(file_.path());
        require(values <= static_cast<double>(bytes), "load_weights", path(), " of ", bytes,
                " bytes cannot hold the ", values,
                " weights of the model that its shapes describe: ", sizes...);
    }

private:
    const WeightsFile& file_;
    const WeightsNames& names_;
};

}  // namespace detail

}  // namespace lafs::inline LAFS_ABI
