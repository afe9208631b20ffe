// The text that names a convolutional model, see faces/model_spec.hpp:
//
//   iresnet18 | iresnet34 | iresnet50 | iresnet100 | iresnet200
//   iresnet50:features=256,image=128               other sizes; also width=32, blocks=1-2-2-1
//   mobilefacenet | mobilefacenet_large            ("mbf" and "mbf_large" of arcface_torch)
//   mobilefacenet:scale=1,features=128             also width=32, blocks=1-2-3-1, image=128
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <lafs/models/iresnet.hpp>
#include <lafs/models/mobilefacenet.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

namespace detail {

inline std::int64_t model_size(std::string_view text, std::string_view whole) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= 65536, "model",
            "got \"", text, "\" in \"", whole, "\", expected a whole number from 1 to 65536");
    return value;
}

/// Calls set(name, value) for every "name=value" behind the colon of a model's name.
template <class Set>
void each_model_field(std::string_view text, const Set& set) {
    std::string_view rest = text.find(':') == std::string_view::npos ? "" : text.substr(text.find(':') + 1);
    while (!rest.empty()) {
        const std::string_view field = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), field.size() + 1));
        const auto equals = field.find('=');
        require(equals != std::string_view::npos, "model", "got \"", field, "\" in \"", text,
                "\", expected name=number");
        set(field.substr(0, equals), field.substr(equals + 1));
    }
}

/// "3-4-14-3"
inline std::array<std::int64_t, 4> stage_blocks(std::string_view text, std::string_view whole) {
    std::array<std::int64_t, 4> blocks{};
    std::string_view rest = text;
    for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
        const std::string_view number = rest.substr(0, rest.find('-'));
        blocks[stage] = model_size(number, whole);
        rest.remove_prefix(number.size());
        require(rest.empty() == (stage + 1 == blocks.size()), "model", "got the blocks \"", text, "\" in \"",
                whole, "\", expected the numbers of four stages, such as 3-4-14-3");
        rest.remove_prefix(rest.empty() ? 0 : 1);
    }
    return blocks;
}

inline std::string blocks_text(const std::array<std::int64_t, 4>& blocks) {
    std::string text;
    for (const std::int64_t count : blocks)
        text += (text.empty() ? "" : "-") + std::to_string(count);
    return text;
}

/// Sets a field that both networks have; false for another.
template <class Config>
bool set_convolutional_field(Config& config, std::string_view name, std::string_view value,
                             std::string_view whole) {
    if (name == "blocks")
        config.blocks = stage_blocks(value, whole);
    else if (name == "width")
        config.width = model_size(value, whole);
    else if (name == "features")
        config.features = model_size(value, whole);
    else if (name == "image")
        config.image_size = model_size(value, whole);
    else
        return false;
    return true;
}

/// ",name=value" where the value is not the usual one.
inline std::string field_text(const char* name, std::int64_t value, std::int64_t usual) {
    return value == usual ? std::string() : std::string(",") + name + '=' + std::to_string(value);
}

/// "name:field,field" of the fields that are not the usual ones.
inline std::string named_fields(std::string name, std::string fields) {
    if (!fields.empty())
        fields.front() = ':';
    return std::move(name) + fields;
}

/// The published IResNets by name.
inline const std::array<std::pair<const char*, IResNetConfig>, 5>& iresnets() {
    static const std::array<std::pair<const char*, IResNetConfig>, 5> all = {
        {{"iresnet18", IResNetConfig::iresnet18()},
         {"iresnet34", IResNetConfig::iresnet34()},
         {"iresnet50", IResNetConfig::iresnet50()},
         {"iresnet100", IResNetConfig::iresnet100()},
         {"iresnet200", IResNetConfig::iresnet200()}}};
    return all;
}

}  // namespace detail

/// The text that `parse_iresnet` reads back to the same sizes.
inline std::string model_text(const IResNetConfig& config) {
    const IResNetConfig usual;
    std::string name = "iresnet50",
                fields = config.blocks == usual.blocks ? "" : ",blocks=" + detail::blocks_text(config.blocks);
    for (const auto& [known, published] : detail::iresnets())
        if (published.blocks == config.blocks) {
            name = known;
            fields.clear();
        }
    fields += detail::field_text("width", config.width, usual.width) +
              detail::field_text("features", config.features, usual.features) +
              detail::field_text("image", config.image_size, usual.image_size);
    return detail::named_fields(name, fields);
}

/// Reads the name of an IResNet into `config`; false for a name of another kind. Throws for sizes that are none.
inline bool parse_iresnet(std::string_view text, IResNetConfig& config) {
    const std::string_view name = text.substr(0, text.find(':'));
    const auto& known = detail::iresnets();
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == name; });
    if (found == known.end())
        return false;
    config = found->second;
    detail::each_model_field(text, [&](std::string_view field, std::string_view value) {
        require(detail::set_convolutional_field(config, field, value, text), "model", "got \"", field,
                "\" in \"", text, "\", expected blocks, width, features or image");
    });
    config.validate();
    return true;
}

/// The text that `parse_mobilefacenet` reads back to the same sizes.
inline std::string model_text(const MobileFaceNetConfig& config) {
    const bool large = config.blocks == MobileFaceNetConfig::large().blocks;
    const MobileFaceNetConfig usual = large ? MobileFaceNetConfig::large() : MobileFaceNetConfig::usual();
    const std::string blocks =
        config.blocks == usual.blocks ? "" : ",blocks=" + detail::blocks_text(config.blocks);
    return detail::named_fields(large ? "mobilefacenet_large" : "mobilefacenet",
                                blocks + detail::field_text("scale", config.scale, usual.scale) +
                                    detail::field_text("width", config.width, usual.width) +
                                    detail::field_text("features", config.features, usual.features) +
                                    detail::field_text("image", config.image_size, usual.image_size));
}

/// Reads the name of a MobileFaceNet into `config`; false for a name of another kind. Throws for sizes that are none.
inline bool parse_mobilefacenet(std::string_view text, MobileFaceNetConfig& config) {
    const std::string_view name = text.substr(0, text.find(':'));
    if (name != "mobilefacenet" && name != "mobilefacenet_large")
        return false;
    config = name == "mobilefacenet" ? MobileFaceNetConfig::usual() : MobileFaceNetConfig::large();
    detail::each_model_field(text, [&](std::string_view field, std::string_view value) {
        if (field == "scale")
            config.scale = detail::model_size(value, text);
        else
            require(detail::set_convolutional_field(config, field, value, text), "model", "got \"", field,
                    "\" in \"", text, "\", expected blocks, scale, width, features or image");
    });
    config.validate();
    return true;
}

}  // namespace lafs::inline LAFS_ABI
