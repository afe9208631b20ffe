// 03: the transformer on all and on few tokens, with gradients to tokens and every parameter.
#include <lafs/models/vit.hpp>

#include "cases.hpp"
#include "transformer_config.hpp"

namespace lafs_reference {

void check_vit(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    lafs::Vit<float> model(transformer_config(file));
    lafs::load_weights(model, file, "weights.");
    model.eval();
    for (const auto& name : file.names()) {
        const std::string end = ".tokens";
        if (!name.ends_with(end))
            continue;
        const std::string set = name.substr(0, name.size() - end.size() + 1);  // "n196."
        model.zero_grad();
        const lafs::Variable<float> tokens(tensor_of(file, name), true);
        const auto embedding = model.forward_tokens(tokens);
        compare(report, file, set + "embedding", embedding.value(), 1e-4);
        embedding.backward(tensor_of(file, set + "grad_embedding"));
        compare(report, file, set + "grad_tokens", tokens.grad(), 1e-4);
        for (const auto& [parameter_name, parameter] : model.parameters())
            compare(report, file, set + "grad." + parameter_name, parameter.grad(), 1e-4);
    }
}

}  // namespace lafs_reference
