// The recognition heads by name: those of the library, and those that a program registers.
//
//   lafs::register_head("mine", [](const lafs::HeadOptions& options, std::int64_t features, std::int64_t classes) {
//       return std::make_unique<Mine<float>>(features, classes, options.scale < 0 ? 64.0 : options.scale);
//   });
//
// `make_head`, FinetuneTask and the trainer's --head know it from then on. The list is made, with the
// library's own heads in it, when it is first asked for, so that it does not matter when a program registers:
// before its run, in `main`, is right.
#pragma once

#include <functional>
#include <lafs/losses/adaface.hpp>
#include <lafs/losses/arcface.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/magface.hpp>
#include <lafs/losses/scaled_softmax.hpp>
#include <lafs/losses/sface.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Which head; numbers below 0 take the head's published value.
struct HeadOptions {
    std::string name = "cosface";  ///< one of head_names()
    double scale = -1, margin = -1;
    bool easy_margin = false;  ///< of arcface
};

/// Makes a head for so many features and classes.
template <class T = float, class D = Cpu>
using HeadMaker = std::function<std::unique_ptr<MarginHead<T, D>>(const HeadOptions&, std::int64_t features,
                                                                  std::int64_t classes)>;

namespace detail {

inline double head_scale(const HeadOptions& options) {
    return options.scale < 0 ? 64.0 : options.scale;
}

inline double head_margin(const HeadOptions& options, double published) {
    return options.margin < 0 ? published : options.margin;
}

inline void refuse_margin(const HeadOptions& options) {
    require(options.margin < 0, "head", "got margin ", options.margin, ", but ", options.name, " has none");
}

inline void refuse_easy_margin(const HeadOptions& options) {
    require(!options.easy_margin, "head", "got an easy margin for ", options.name, ", only arcface has one");
}

/// The heads of this program by name, in the order of registration.
template <class T, class D>
std::vector<std::pair<std::string, HeadMaker<T, D>>>& head_makers() {
    using Head = std::unique_ptr<MarginHead<T, D>>;
    using Size = std::int64_t;
    static std::vector<std::pair<std::string, HeadMaker<T, D>>> makers{
        {"cosface",
         [](const HeadOptions& options, Size features, Size classes) -> Head {
             refuse_easy_margin(options);
             return std::make_unique<CosFace<T, D>>(features, classes, head_scale(options),
                                                    head_margin(options, 0.4));
         }},
        {"arcface",
         [](const HeadOptions& options, Size features, Size classes) -> Head {
             return std::make_unique<ArcFace<T, D>>(features, classes, head_scale(options),
                                                    head_margin(options, 0.5),
                                                    options.easy_margin ? ArcMargin::easy : ArcMargin::all);
         }},
        {"sface",
         [](const HeadOptions& options, Size features, Size classes) -> Head {
             refuse_easy_margin(options);
             refuse_margin(options);
             SFaceOptions sface;
             sface.scale = head_scale(options);
             return std::make_unique<SFace<T, D>>(features, classes, sface);
         }},
        {"adaface",
         [](const HeadOptions& options, Size features, Size classes) -> Head {
             refuse_easy_margin(options);
             AdaFaceOptions adaface;
             adaface.scale = head_scale(options);
             adaface.margin = head_margin(options, adaface.margin);
             return std::make_unique<AdaFace<T, D>>(features, classes, adaface);
         }},
        {"magface",
         [](const HeadOptions& options, Size features, Size classes) -> Head {
             refuse_easy_margin(options);
             require(options.margin < 0, "head", "got margin ", options.margin,
                     ", but magface's follows from the features' lengths");
             MagFaceOptions magface;
             magface.scale = head_scale(options);
             return std::make_unique<MagFace<T, D>>(features, classes, magface);
         }},
        {"softmax", [](const HeadOptions& options, Size features, Size classes) -> Head {
             refuse_easy_margin(options);
             refuse_margin(options);
             return std::make_unique<ScaledSoftmax<T, D>>(features, classes, head_scale(options));
         }}};
    return makers;
}

/// "a, b or c"
inline std::string text_of_choices(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i)
        text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
    return text;
}

}  // namespace detail

/// The names that `make_head` takes.
template <class T = float, class D = Cpu>
std::vector<std::string> head_names() {
    std::vector<std::string> names;
    for (const auto& [name, make] : detail::head_makers<T, D>())
        names.push_back(name);
    return names;
}

/// Gives a head of the program a name. Not while another thread makes heads. Throws for an empty name, one
/// that is taken, and an empty function.
template <class T = float, class D = Cpu>
void register_head(const std::string& name, std::type_identity_t<HeadMaker<T, D>> make) {
    require(!name.empty() && make, "head", "got the name \"", name, "\"", make ? "" : " without a function",
            ", expected a name and a function that makes the head");
    auto& makers = detail::head_makers<T, D>();
    for (const auto& [taken, unused] : makers)
        require(taken != name, "head", "got \"", name, "\", which is the name of another head");
    makers.emplace_back(name, std::move(make));
}

/// Makes a head by its name. Throws for a name that is none, and a margin where there is none.
template <class T = float, class D = Cpu>
std::unique_ptr<MarginHead<T, D>> make_head(const HeadOptions& options, std::int64_t features,
                                            std::int64_t classes) {
    for (const auto& [name, make] : detail::head_makers<T, D>())
        if (name == options.name) {
            auto head = make(options, features, classes);
            require(head != nullptr, "head", "the function registered as \"", name, "\" made no head");
            return head;
        }
    fail("head", "got \"", options.name, "\", expected ", detail::text_of_choices(head_names<T, D>()));
}

}  // namespace lafs::inline LAFS_ABI
