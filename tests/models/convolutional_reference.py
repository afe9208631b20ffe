#!/usr/bin/env python3
"""Prints convolutional_values.hpp: what PyTorch computes for small IResNets and MobileFaceNets.

    python3 tests/models/convolutional_reference.py | clang-format-14 > tests/models/convolutional_values.hpp

The networks are those of arcface_torch (InsightFace), written with their sizes as arguments; --check FOLDER compares them
at the published sizes with FOLDER/iresnet.py and FOLDER/mobilefacenet.py, the published files. All values come from
`noise`, a function that convolutional_test.cpp computes as well, so that no file of weights is needed. Numbers are sums
of values times noise: one for every tensor.
"""

import argparse
import importlib.util
import math
import sys

import torch
from torch import nn

torch.set_default_dtype(torch.float64)


def noise(size, stream):
    """Numbers in [-1, 1) that depend on the stream and the index alone."""
    x = torch.arange(size, dtype=torch.int64) * 2654435761 + stream * 40503 + 1 & 0xFFFFFFFF
    for _ in range(2):
        x = (x ^ x >> 16) * 0x45D9F3B & 0xFFFFFFFF
    return (x ^ x >> 16).double() / 2**31 - 1


def filled(shape, stream):
    return noise(math.prod(shape), stream).reshape(shape)


def conv(inside, outside, kernel, stride=1, groups=1, padding=None):
    padding = kernel // 2 if padding is None else padding
    return nn.Conv2d(inside, outside, kernel, stride, padding, groups=groups, bias=False)


class IResNetBlock(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = conv(inside, outside, 3)
        self.bn2 = nn.BatchNorm2d(outside)
        self.prelu = nn.PReLU(outside)
        self.conv2 = conv(outside, outside, 3, stride)
        self.bn3 = nn.BatchNorm2d(outside)
        self.downsample = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(conv(inside, outside, 1, stride), nn.BatchNorm2d(outside))

    def forward(self, x):
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    def __init__(self, blocks, width=64, features=512, image=112):
        super().__init__()
        self.conv1 = conv(3, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        inside = width
        for stage, count in enumerate(blocks):
            outside = width << stage
            parts = [IResNetBlock(outside if i else inside, outside, 1 if i else 2) for i in range(count)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*parts))
            inside = outside
        self.bn2 = nn.BatchNorm2d(inside)
        self.fc = nn.Linear(inside * (image // 16) ** 2, features)
        self.features = nn.BatchNorm1d(features)
        self.features.weight.requires_grad = False

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


class Layers(nn.Module):
    def __init__(self, *parts, residual=False):
        super().__init__()
        self.layers = nn.Sequential(*parts)
        self.residual = residual

    def forward(self, x):
        return self.layers(x) + x if self.residual else self.layers(x)


def conv_block(inside, outside, kernel, stride=1, groups=1, padding=None, activated=True):
    parts = [conv(inside, outside, kernel, stride, groups, padding), nn.BatchNorm2d(outside)]
    return Layers(*parts, *([nn.PReLU(outside)] if activated else []))


def bottleneck(inside, middle, outside, residual):
    return Layers(
        conv_block(inside, middle, 1),
        conv_block(middle, middle, 3, 1 if residual else 2, middle),
        conv_block(middle, outside, 1, activated=False),
        residual=residual,
    )


class MobileFaceNet(nn.Module):
    def __init__(self, blocks, scale, width=64, features=512, image=112):
        super().__init__()
        first, second, last = width * scale, 2 * width * scale, 8 * width

        def stage(channels, middle, count):
            return Layers(*[bottleneck(channels, middle, channels, True) for _ in range(count)])

        self.layers = nn.ModuleList(
            [
                conv_block(3, first, 3, 2),
                conv_block(first, first, 3, groups=width) if blocks[0] == 1 else stage(first, 2 * width, blocks[0]),
                bottleneck(first, 2 * width, first, False),
                stage(first, 2 * width, blocks[1]),
                bottleneck(first, 4 * width, second, False),
                stage(second, 4 * width, blocks[2]),
                bottleneck(second, last, second, False),
                stage(second, 4 * width, blocks[3]),
            ]
        )
        self.conv_sep = conv_block(second, last, 1)
        self.features = Layers(
            conv_block(last, last, image // 16, groups=last, padding=0, activated=False),
            nn.Flatten(),
            nn.Linear(last, features, bias=False),
            nn.BatchNorm1d(features),
        )

    def forward(self, x):
        for part in self.layers:
            x = part(x)
        return self.features(self.conv_sep(x))


def fill(network):
    """Gives every tensor but the counts numbers that suit it."""
    for stream, (name, tensor) in enumerate(tensors_of(network)):
        value = filled(tensor.shape, stream)
        if name.endswith("running_var"):
            value = 1 + 0.5 * value
        elif tensor.dim() == 1:
            value = 0.5 + 0.25 * value if name.endswith("weight") else 0.2 * value
        else:
            value = value * math.sqrt(3 / math.prod(tensor.shape[1:]))
        tensor.data.copy_(value)


def tensors_of(network):
    return [(name, tensor) for name, tensor in network.state_dict(keep_vars=True).items() if tensor.dim() > 0]


def number(tensor, stream=0):
    return float((tensor.detach() * filled(tensor.shape, 500 + stream)).sum())


def run(network, images, watched=()):
    """Sums for the evaluation, of watched parts and of embeddings; for the training; for every tensor after backward."""
    fill(network)
    parts = dict(network.named_modules())
    seen = []
    hooks = [parts[name].register_forward_hook(lambda _, __, y: seen.append(number(y))) for name in watched]
    network.eval()
    evaluated = network(images)
    for hook in hooks:
        hook.remove()
    network.train()
    trained = network(images)
    trained.backward(filled(trained.shape, 900))
    rows = [
        (name, number(tensor.grad if tensor.requires_grad else tensor, stream))
        for stream, (name, tensor) in enumerate(tensors_of(network))
    ]
    return seen, evaluated, trained, rows


def print_network(name, network, batch, image, watched):
    seen, evaluated, trained, rows = run(network, filled((batch, 3, image, image), 999), watched)
    print(f"inline const ConvolutionalValues {name}{{")
    print("    {" + ",\n     ".join(f'{{"{part}", {value!r}}}' for part, value in zip(watched, seen)) + "},")
    for embeddings in (evaluated, trained):
        print("    {" + ", ".join(repr(float(value)) for value in embeddings.detach().flatten()) + "},")
    print("    {" + ",\n     ".join(f'{{"{tensor}", {value!r}}}' for tensor, value in rows) + "}};\n")


def load(path):
    spec = importlib.util.spec_from_file_location("published", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(folder):
    iresnet, mobilefacenet = load(f"{folder}/iresnet.py"), load(f"{folder}/mobilefacenet.py")
    pairs = [
        ("iresnet18", IResNet((2, 2, 2, 2)), iresnet.iresnet18()),
        ("iresnet34", IResNet((3, 4, 6, 3)), iresnet.iresnet34()),
        ("iresnet50", IResNet((3, 4, 14, 3)), iresnet.iresnet50()),
        ("iresnet100", IResNet((3, 13, 30, 3)), iresnet.iresnet100()),
        ("mobilefacenet", MobileFaceNet((1, 4, 6, 2), 2), mobilefacenet.get_mbf(False, 512)),
        ("mobilefacenet_large", MobileFaceNet((2, 8, 12, 4), 4), mobilefacenet.get_mbf_large(False, 512)),
    ]
    images = filled((2, 3, 112, 112), 999)
    for name, own, published in pairs:
        assert list(own.state_dict()) == list(published.state_dict()), name
        own.load_state_dict(published.state_dict())
        with torch.no_grad():
            worst = max(float((own.train(mode)(images) - published.train(mode)(images)).abs().max()) for mode in (False, True))
        print(f"{name}: {len(own.state_dict())} tensors, largest difference {worst}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", help="folder of arcface_torch's backbones")
    folder = parser.parse_args().check
    if folder:
        sys.exit(check(folder))
    print("// Printed by convolutional_reference.py with PyTorch", torch.__version__.split("+")[0])
    print("#pragma once\n\n#include <string>\n#include <utility>\n#include <vector>\n\nnamespace lafs_test {\n")
    print("struct ConvolutionalValues {")
    print("    std::vector<std::pair<std::string, double>> watched;  ///< outputs of parts, in evaluation")
    print("    std::vector<double> evaluated, trained;               ///< embeddings")
    print("    std::vector<std::pair<std::string, double>> tensors;  ///< gradients; of what has none, values")
    print("};\n")
    watched = ["prelu", "layer1.0", "layer2.1", "layer4.0", "bn2", "fc"]
    print_network("small_iresnet", IResNet((1, 2, 1, 1), 4, 5, 32), 3, 32, watched)
    watched = ["layers.0", "layers.1", "layers.4", "layers.5.layers.1", "conv_sep", "features.layers.0"]
    print_network("small_mobilefacenet", MobileFaceNet((1, 1, 2, 1), 2, 2, 5, 32), 3, 32, watched)
    watched = ["layers.1.layers.1", "layers.7.layers.0", "features.layers.2"]
    print_network("small_large_mobilefacenet", MobileFaceNet((2, 1, 1, 1), 3, 1, 4, 16), 4, 16, watched)
    print("}  // namespace lafs_test")
