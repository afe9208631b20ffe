#!/usr/bin/env python3
"""What one core does with the images of a training set: this project beside torchvision and Pillow.

Both read the same record file of synthetic faces, do the same operations, and take turns on one core. Rates are per
second of processor time, so that other programs disturb them little; the best round of each counts.

    bench/peers/augmentation.py [build/bench/data_bench] [--rounds 3] [--json FILE]

Needs torch, torchvision, Pillow and numpy. Exit status 77 when one is missing, 1 when the program is.
"""

import argparse
import io
import json
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import PIL
    import torch
    import torchvision
    from PIL import Image, ImageEnhance, ImageFilter, ImageOps
    from torchvision import transforms as T
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

GREY = (128, 128, 128)
BICUBIC = T.InterpolationMode.BICUBIC


class Records:
    """An MXNet record file with its .idx, in InsightFace's layout."""

    MAGIC = 0xCED7230A

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with open(os.path.splitext(path)[0] + ".idx") as lines:
            self.offsets = {int(key): int(offset) for key, offset in (line.split() for line in lines)}
        flag, labels = self.payload(0)[0], self.payload(0)[1]
        assert flag == 2, "expected a record 0 with the range of identities"
        self.size = int(struct.unpack("<f", labels[:4])[0]) - 1

    def payload(self, key):
        offset = self.offsets[key]
        magic, word = struct.unpack_from("<II", self.bytes, offset)
        if magic != self.MAGIC or word >> 29:
            raise ValueError(f"record {key} is damaged or split")
        flag, _label, _id, _id2 = struct.unpack_from("<IfQQ", self.bytes, offset + 8)
        begin = offset + 32
        return flag, self.bytes[begin : offset + 8 + (word & 0x1FFFFFFF)]

    def encoded(self, i):
        flag, rest = self.payload(i + 1)
        return rest[4 * flag :]

    def image(self, i):
        return Image.open(io.BytesIO(self.encoded(i))).convert("RGB")


def affine(image, coefficients):
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    return image.transform(
        image.size, Image.Transform.AFFINE, coefficients, resample=random.choice(filters), fillcolor=GREY
    )


def rotate(image, degrees):
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    return image.rotate(degrees, resample=random.choice(filters), fillcolor=GREY)


class RandAugment:
    """timm's rand-m<M>-mstd0.5-inc1 without solarisation, as LAFS uses it."""

    def __init__(self, magnitude):
        def sign(value):
            return -value if random.random() < 0.5 else value

        def enhance(kind):
            return lambda image, level: kind(image).enhance(1 + sign(level * 0.9))

        self.magnitude = magnitude
        self.operations = [
            lambda image, level: ImageOps.autocontrast(image),
            lambda image, level: ImageOps.equalize(image),
            lambda image, level: ImageOps.invert(image),
            lambda image, level: rotate(image, sign(level * 30)),
            lambda image, level: ImageOps.posterize(image, 4 - int(level * 4)),
            enhance(ImageEnhance.Color),
            enhance(ImageEnhance.Contrast),
            enhance(ImageEnhance.Brightness),
            enhance(ImageEnhance.Sharpness),
            lambda image, level: affine(image, (1, sign(level * 0.3), 0, 0, 1, 0)),
            lambda image, level: affine(image, (1, 0, 0, sign(level * 0.3), 1, 0)),
            lambda image, level: affine(image, (1, 0, sign(level * 0.45) * image.width, 0, 1, 0)),
            lambda image, level: affine(image, (1, 0, 0, 0, 1, sign(level * 0.45) * image.height)),
        ]

    def __call__(self, image):
        for operation in random.choices(self.operations, k=2):
            if random.random() < 0.5:
                level = min(10.0, max(0.0, random.gauss(self.magnitude, 0.5))) / 10
                image = operation(image, level)
        return image


class Blur:
    def __init__(self, probability):
        self.probability = probability

    def __call__(self, image):
        if random.random() >= self.probability:
            return image
        return image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0)))


class Solarize:
    def __init__(self, probability):
        self.probability = probability

    def __call__(self, image):
        return ImageOps.solarize(image) if random.random() < self.probability else image


NORMALISE = T.Compose([T.ToTensor(), T.Normalize((0.5,) * 3, (0.5,) * 3)])
STAGE3 = T.Compose(
    [
        T.RandomHorizontalFlip(),
        RandAugment(1),
        T.RandomResizedCrop(112, scale=(0.9, 1.0)),
        T.ColorJitter(0.1, 0.1, 0.1, 0.1),
        NORMALISE,
        T.RandomErasing(p=0.5, scale=(0.02, 0.1), value=-1),  # byte 0, normalised
    ]
)
JITTER = [T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8), T.RandomGrayscale(0.2)]
CROP = T.Compose(
    [T.RandomResizedCrop(112, scale=(0.4, 1.0), interpolation=BICUBIC), T.RandomHorizontalFlip()]
)
VIEWS = [T.Compose([*JITTER, Blur(1.0)]), T.Compose([*JITTER, Blur(0.1), Solarize(0.2)])] + [
    T.Compose([*JITTER, Blur(0.5)])
] * 8


def ten_views(image):
    result = []
    for augment in VIEWS:
        crop = CROP(image)
        result.append((NORMALISE(crop), NORMALISE(augment(crop))))
    return result


# Row of the table: the benchmark of this project, its counter, and the same in Python.
ROWS = [
    ("records read", "read_records", "images/s", 1, lambda records, i: records.encoded(i)),
    ("records decoded", "decode_records", "images/s", 1, lambda records, i: np.asarray(records.image(i))),
    ("network input", "network_input/plain", "images/s", 1, lambda records, i: NORMALISE(records.image(i))),
    ("network input, stage 3", "network_input/stage3", "images/s", 1, lambda records, i: STAGE3(records.image(i))),
    ("ten views of LAFS", "ten_views", "views/s", 10, lambda records, i: ten_views(records.image(i))),
]
LOADER = [("loader, stage 3", "loader_stage3"), ("loader, ten views", "loader_ten_views")]


def rate_here(run, records, count, seconds=1.0):
    """Results of a Python function per second of processor time."""
    calls, begin = 0, time.process_time()
    while (elapsed := time.process_time() - begin) < seconds:
        run(records, calls % records.size)
        calls += 1
    return count * calls / elapsed


def rates_of_program(program, environment):
    """Counters by benchmark."""
    output = subprocess.run(
        [program, "--benchmark_format=json"], env=environment, check=True, capture_output=True, text=True
    ).stdout
    rates = {}
    for each in json.loads(output)["benchmarks"]:
        name = each["name"].removesuffix("/process_time")
        rates[name] = each.get("images/s", each.get("views/s"))
    return rates


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default=os.path.join(here, "../../build/bench/data_bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="file for the figures")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.program):
        sys.exit(f"augmentation.py: {arguments.program} is not there: build the benchmarks first")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    random.seed(1)
    torch.manual_seed(1)
    ours, theirs = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.rec")
        environment = {**os.environ, "LAFS_BENCH_RECORDS": path}
        for _ in range(arguments.rounds):
            for name, rate in rates_of_program(arguments.program, environment).items():
                ours[name] = max(rate, ours.get(name, 0.0))
            records = Records(path)
            for _label, name, _unit, count, run in ROWS:
                theirs[name] = max(rate_here(run, records, count), theirs.get(name, 0.0))
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}"
    print(f"one core; {versions}; best of {arguments.rounds} rounds\n")
    print(f"{'':24}{'unit':>10}{'lafs':>12}{'peer':>12}{'ratio':>8}")
    for label, name, unit, _count, _run in ROWS:
        print(f"{label:24}{unit:>10}{ours[name]:12.0f}{theirs[name]:12.0f}{ours[name] / theirs[name]:8.2f}")
    for label, name in LOADER:
        print(f"{label:24}{'images/s':>10}{ours[name]:12.0f}{'':>12}{ours[name] * 16 / 1000:8.1f}")
    print("\nLast rows: one worker of the loader; last number: 16 such cores against 1000 images/s.")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"versions": versions, "lafs": ours, "peer": theirs}, file, indent=2)


if __name__ == "__main__":
    main()
