// 06: the heads on given features, class weights and labels: logits, loss, gradients, in double and in float.
#include <charconv>
#include <lafs/losses/arcface.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/scaled_softmax.hpp>
#include <memory>

#include "cases.hpp"
#include "tensors.hpp"

namespace lafs_reference {

namespace {

template <class T>
lafs::Tensor<T> read(const lafs::SafetensorsFile& file, const std::string& name) {
    return lafs::Tensor<T>::from(lafs::Shape(std::span<const std::int64_t>(file.info(name).shape)),
                                 file.read<T>(name));
}

/// The number behind `key` in a set's name ("m" in "arcface_m0.5_easy"), or the default.
double number_after(const std::string& set, const std::string& key, double otherwise) {
    const auto at = set.find('_' + key);
    if (at == std::string::npos)
        return otherwise;
    const char* begin = set.data() + at + 1 + key.size();
    double number = otherwise;
    std::from_chars(begin, set.data() + set.size(), number);
    return number;
}

/// The head that a set of tensors is named after; null for an unknown name.
template <class T>
std::unique_ptr<lafs::MarginHead<T>> head_of(const std::string& set, std::int64_t features,
                                             std::int64_t classes, double scale) {
    if (set.starts_with("softmax"))
        return std::make_unique<lafs::ScaledSoftmax<T>>(features, classes, number_after(set, "s", scale));
    if (set.starts_with("cosface"))
        return std::make_unique<lafs::CosFace<T>>(features, classes, scale, number_after(set, "m", 0.4));
    if (set.starts_with("arcface"))
        return std::make_unique<lafs::ArcFace<T>>(
            features, classes, scale, number_after(set, "m", 0.5),
            set.ends_with("_easy") ? lafs::ArcMargin::easy : lafs::ArcMargin::all);
    return nullptr;
}

template <class T>
void check_set(const lafs::SafetensorsFile& file, const std::string& set, double allowed, Report& report) {
    const lafs::Variable<T> x(read<T>(file, "x"), true);
    const auto weight = read<T>(file, "weight");
    const auto head = head_of<T>(set, weight.shape(1), weight.shape(0), std::stod(file.metadata("s")));
    if (!head) {
        report.check(set, false, "no such head");
        return;
    }
    head->weight.value().copy_from(weight);
    const auto compare = [&](const std::string& name, const lafs::Tensor<T>& got) {
        report.compare(set + "." + name, got.to_vector(), file.read<double>(set + "." + name), allowed);
    };
    const auto run = [&](const auto& labels) {
        compare("logits", head->logits(x, labels).value());
        const auto loss = head->loss(x, labels);
        compare("loss", loss.value());
        loss.backward();
        compare("grad_x", x.grad());
        compare("grad_weight", head->weight.grad());
    };
    if (set.ends_with("_soft"))
        run(read<T>(file, "soft_label"));
    else
        run(read<std::int64_t>(file, "label"));
}

}  // namespace

void check_margin_losses(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    const std::string end = ".logits";
    for (const auto& name : file.names())
        if (name.ends_with(end)) {
            const std::string set = name.substr(0, name.size() - end.size());
            check_set<double>(file, set, 1e-5, report);
            check_set<float>(file, set, 1e-4, report);
        }
}

}  // namespace lafs_reference
