#!/usr/bin/env python3
"""Writes image_fixtures.hpp: small images of every kind, and what Pillow makes of them.

    pip install pillow numpy; apt-get install libjpeg-turbo-progs
    python3 tests/data/make_image_fixtures.py > tests/data/image_fixtures.hpp
"""
import base64, io, struct, subprocess, sys, tempfile, zlib

import numpy as np
from PIL import Image, ImageOps

FIXTURES = []


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([40 + 180 * x / (width - 1), 230 - 190 * y / (height - 1), 60 + 8 * x + 6 * y], -1)
    return Image.fromarray(rgb.round().astype("u1"))


def pillow(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode in ("I", "I;16"):  # Pillow clips these; the right value is the upper byte
        return Image.fromarray((np.asarray(image).astype(float) / 257).round().astype("u1")).convert("RGB")
    return image.convert("RGB")


def add(name, data, expected=None):
    FIXTURES.append((name, bytes(data), expected or pillow(data)))


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# JPEG ---------------------------------------------------------------------------------------------------------------


def adobe(data):
    """Where the Adobe marker begins and ends."""
    at = data.index(b"\xff\xee")
    return at, at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]


def with_transform(data, transform):
    _, end = adobe(data)
    return data[:end - 1] + bytes([transform]) + data[end:]


def cjpeg(image, *options):
    with tempfile.NamedTemporaryFile(suffix=".ppm") as ppm:
        ppm.write(save(image, "PPM"))
        ppm.flush()
        return subprocess.run(["cjpeg", *options, ppm.name], check=True, capture_output=True).stdout


small, large = picture(6, 5), picture(17, 13)
add("baseline.jpg", save(large, "JPEG", quality=90, optimize=True))
add("full_colours.jpg", save(large, "JPEG", quality=90, subsampling=0, optimize=True))
add("progressive.jpg", save(large, "JPEG", quality=90, progressive=True))
add("grey.jpg", save(large.convert("L"), "JPEG", quality=90, optimize=True))
add("rgb.jpg", save(small, "JPEG", quality=90, keep_rgb=True, optimize=True))
ink = small.convert("CMYK").point(lambda v: v)
ink = Image.merge("CMYK", [*ink.split()[:3], Image.fromarray(np.linspace(0, 120, 30).astype("u1").reshape(5, 6))])
cmyk = save(ink, "JPEG", quality=95, optimize=True)
begin, end = adobe(cmyk)
add("cmyk.jpg", cmyk)
add("cmyk_without_adobe.jpg", cmyk[:begin] + cmyk[end:])
add("ycck.jpg", with_transform(cmyk, 2))
add("unknown_transform.jpg", with_transform(cmyk, 1))
add("exif6.jpg", save(small, "JPEG", quality=95, subsampling=0, optimize=True,
                      exif=(lambda e: (e.__setitem__(274, 6), e)[1])(Image.Exif())))
add("xmp8.jpg", save(small, "JPEG", quality=95, subsampling=0, optimize=True,
                     xmp=b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'))

# PNG ----------------------------------------------------------------------------------------------------------------


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_rows(values, bits):
    """Rows of (height, width, channels), each with filter 0."""
    rows = b""
    for row in values.reshape(values.shape[0], -1):
        if bits == 16:
            rows += b"\0" + row.astype(">u2").tobytes()
        else:
            digits = "".join(format(int(v), f"0{bits}b") for v in row)
            digits += "0" * (-len(digits) % 8)
            rows += b"\0" + int(digits, 2).to_bytes(len(digits) // 8, "big")
    return rows


def png(values, bits, colour, interlaced=False, extra=b""):
    if values.ndim == 2:
        values = values[:, :, None]
    height, width = values.shape[:2]
    rows = b""
    if interlaced:
        for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
            part = values[y::dy, x::dx]
            if part.size:
                rows += png_rows(part, bits)
    else:
        rows = png_rows(values, bits)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9))
            + chunk(b"IEND", b""))


rgb = np.asarray(small).astype(int)
grey = np.asarray(small.convert("L")).astype(int)
alpha = np.arange(30).reshape(5, 6, 1) * 8
wide_alpha = np.concatenate([rgb * 257 - 100, alpha * 257], -1)
palette = chunk(b"PLTE", bytes([10, 20, 30, 200, 10, 60, 90, 180, 5, 250, 240, 230]))
indices = np.arange(30).reshape(5, 6) * 7 // 5 % 4
add("rgb.png", png(rgb, 8, 2))
add("interlaced.png", png(np.asarray(large).astype(int), 8, 2, True))
add("rgba.png", png(np.concatenate([rgb, alpha], -1), 8, 6))
add("grey_alpha.png", png(np.concatenate([grey[:, :, None], alpha], -1), 8, 4))
add("rgb_16.png", png(wide_alpha[:, :, :3], 16, 2))
add("rgba_16.png", png(wide_alpha, 16, 6))
add("grey_16.png", png(grey * 257 - 50, 16, 0))
add("grey_alpha_16.png", png(np.concatenate([grey[:, :, None], alpha], -1) * 257, 16, 4))
add("grey_4.png", png(grey // 16, 4, 0))
add("grey_2.png", png(grey // 64, 2, 0))
add("grey_1.png", png(grey // 128, 1, 0))
add("palette_2.png", png(indices, 2, 3, extra=palette))
add("palette_8_interlaced.png", png(indices, 8, 3, True, extra=palette))
add("palette_transparent.png", png(indices, 4, 3, extra=palette + chunk(b"tRNS", bytes([0, 255, 128]))))
add("palette_short.png", png(np.arange(30).reshape(5, 6) % 8, 4, 3, extra=palette))
add("transparent_colour.png", png(rgb, 8, 2, extra=chunk(b"tRNS", struct.pack(">HHH", *rgb[0, 0]))))
tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 5, 0, 0)
add("exif5.png", png(rgb, 8, 2, extra=chunk(b"eXIf", tiff)))
text = b"\nexif\n" + b"%8d\n" % (6 + len(tiff)) + (b"Exif\0\0" + tiff).hex().encode() + b"\n"
add("magick5.png", png(rgb, 8, 2, extra=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))))
add("xmp3.png", png(rgb, 8, 2, extra=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<r><tiff:Orientation>3</tiff:Orientation></r>")))

# BMP ----------------------------------------------------------------------------------------------------------------


def bmp(pixels, width, height, bits, compression=0, table=b"", header=40, masks=b"", colours=0):
    if header == 12:
        dib = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        dib = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(pixels), 0, 0, colours, 0)
        dib += masks
        dib += bytes(max(0, header - len(dib)))
    begin = 14 + len(dib) + len(table)
    return b"BM" + struct.pack("<IHHI", begin + len(pixels), 0, 0, begin) + dib + table + pixels


def padded(rows):
    return b"".join(row + bytes(-len(row) % 4) for row in rows)


def bgr(order=-1):
    return padded([row[:, ::-1].astype("u1").tobytes() for row in rgb[::order]])


def packed(values, bits):
    rows = []
    for row in values[::-1]:
        digits = "".join(format(int(v), f"0{bits}b") for v in row)
        digits += "0" * (-len(digits) % 8)
        rows.append(int(digits, 2).to_bytes(len(digits) // 8, "big"))
    return padded(rows)


table4 = b"".join(bytes([b, g, r, 0]) for r, g, b in ((10, 20, 30), (200, 10, 60), (90, 180, 5), (250, 240, 230)))
table16 = b"".join(bytes([250 - 9 * i, 3 * i, 15 * i, 0]) for i in range(16))
table256 = b"".join(bytes([255 - i, i // 2, i, 0]) for i in range(256))
many = (np.arange(30).reshape(5, 6) * 37) % 256
sixteen = many % 16
add("bottom_up.bmp", bmp(bgr(), 6, 5, 24))
add("top_down.bmp", bmp(bgr(1), 6, -5, 24))
add("core.bmp", bmp(bgr(), 6, 5, 24, header=12))
add("core_palette.bmp", bmp(packed(indices % 2, 1), 6, 5, 1, header=12, table=bytes([30, 20, 10, 60, 10, 200])))
add("palette_1.bmp", bmp(packed(indices % 2, 1), 6, 5, 1, table=table4[4:12]))
add("palette_4.bmp", bmp(packed(sixteen, 4), 6, 5, 4, table=table16))
add("palette_8.bmp", bmp(packed(many, 8), 6, 5, 8, table=table256))
add("palette_8_few.bmp", bmp(packed(indices, 8), 6, 5, 8, table=table4, colours=4))
add("grey_8.bmp", save(small.convert("L"), "BMP"))
x1r5g5b5 = (rgb[..., 0] // 8 << 10) + (rgb[..., 1] // 8 << 5) + rgb[..., 2] // 8
r5g6b5 = (rgb[..., 0] // 8 << 11) + (rgb[..., 1] // 4 << 5) + rgb[..., 2] // 8
two = lambda values: padded([row.astype("<u2").tobytes() for row in values[::-1]])
four = lambda values: padded([row.astype("<u4").tobytes() for row in values[::-1]])
add("rgb_555.bmp", bmp(two(x1r5g5b5), 6, 5, 16))
add("rgb_565.bmp", bmp(two(r5g6b5), 6, 5, 16, 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
bgrx = (rgb[..., 0] << 16) + (rgb[..., 1] << 8) + rgb[..., 2]
add("bgrx.bmp", bmp(four(bgrx), 6, 5, 32))
rgbx = (rgb[..., 0] << 24) + (rgb[..., 1] << 16) + (rgb[..., 2] << 8)
add("masks_behind_header.bmp", bmp(four(rgbx), 6, 5, 32, 3, masks=struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)))
rgba = rgb[..., 0] + (rgb[..., 1] << 8) + (rgb[..., 2] << 16) + (alpha[..., 0] << 24)
add("masks_in_header.bmp", bmp(four(rgba), 6, 5, 32, 3, header=124, masks=struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)))
add("rgba.bmp", save(Image.fromarray(np.concatenate([rgb, alpha], -1).astype("u1")), "BMP"))
runs8 = bytes([6, 7, 0, 0,  2, 9, 0, 3, 40, 50, 60, 0, 1, 200, 0, 0,  0, 6, 1, 2, 3, 4, 5, 6, 0, 0,
               1, 33, 0, 2, 3, 1, 2, 90, 0, 0, 0, 1])
add("runs_8.bmp", bmp(runs8, 6, 5, 8, 1, table=table256))
runs4 = bytes([6, 0x7A, 0, 0,  2, 0x95, 0, 3, 0x12, 0x30, 1, 0xE0, 0, 0,  0, 6, 0x12, 0x34, 0x56, 0, 0, 0,
               1, 0x30, 0, 2, 3, 1, 2, 0x9B, 0, 0, 0, 1])
add("runs_4.bmp", bmp(runs4, 6, 5, 4, 2, table=table16))

# PNM ----------------------------------------------------------------------------------------------------------------


def words(values):
    return "\n".join(" ".join(str(v) for v in row.reshape(-1)) for row in values).encode() + b"\n"


scaled = lambda values, largest: np.round(values * largest / 255).astype(int)
bits = grey // 128
add("text.pbm", b"P1\n# a comment\n6 5\n" + b"\n".join("".join(str(v) for v in row).encode() for row in bits) + b"\n")
add("bytes.pbm", b"P4\n6 5\n" + b"".join(bytes([int("".join(str(v) for v in row) + "00", 2)]) for row in bits))
add("text.pgm", b"P2\n6 5 # size\n255\n" + words(grey))
add("text_15.pgm", b"P2 6 5 15\n" + words(scaled(grey, 15)))
add("text_1000.pgm", b"P2 6 5 1000\n" + words(scaled(grey, 1000)))
add("text.ppm", b"P3 6 5 255\n#pixels\n" + words(rgb))
add("text_31.ppm", b"P3 6 5 31\n" + words(scaled(rgb, 31)))
add("bytes.pgm", b"P5 6 5 255\n" + grey.astype("u1").tobytes())
add("bytes_15.pgm", b"P5 6 5 15\n" + scaled(grey, 15).astype("u1").tobytes())
add("bytes_10.pgm", b"P5 6 5 10\n" + (np.arange(30) % 12).astype("u1").tobytes())
add("bytes_300.pgm", b"P5 6 5 300\n" + scaled(grey, 300).astype(">u2").tobytes())
add("bytes_65535.pgm", b"P5\r6\t5\n65535\n" + (grey * 257).astype(">u2").tobytes())
add("bytes.ppm", b"P6 6 5 255\n" + rgb.astype("u1").tobytes())
add("bytes_63.ppm", b"P6 6 5 63\n" + scaled(rgb, 63).astype("u1").tobytes())
add("bytes_65535.ppm", b"P6 6 5 65535\n" + (rgb * 257).astype(">u2").tobytes())

# What only OpenCV reads ---------------------------------------------------------------------------------------------


def turned(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif


foreign = len(FIXTURES)
add("lossless.webp", save(small, "WEBP", lossless=True))
add("lossy.webp", save(large, "WEBP", quality=95))
add("exif6.webp", save(small, "WEBP", lossless=True, exif=turned(6)))
add("rgb.tif", save(small, "TIFF"))
add("packed.tif", save(small, "TIFF", compression="tiff_lzw"))
add("grey.tif", save(small.convert("L"), "TIFF"))
for orientation in range(2, 9):
    add(f"exif{orientation}.tif", save(small, "TIFF", tiffinfo={274: orientation}))
add("lossless.jp2", save(small, "JPEG2000"))
add("arithmetic.jpg", cjpeg(large, "-arithmetic", "-quality", "90", "-sample", "1x1"))

# ---------------------------------------------------------------------------------------------------------------------


def quoted(data):
    text = base64.b64encode(data).decode()
    lines = [text[i:i + 100] for i in range(0, len(text), 100)] or [""]
    return "\n     ".join(f'"{line}"' for line in lines)


def table(name, fixtures):
    print(f"inline const ImageFixture {name}[] = {{")
    for file, data, image in fixtures:
        print(f'    {{"{file}",\n     {quoted(data)},\n     {image.width}, {image.height},\n     {quoted(image.tobytes())}}},')
    print("};\n")


print(f"""// Small images of every kind and their pixels as Pillow {Image.__version__} decodes them, in base64. Written by
// make_image_fixtures.py.
#pragma once

namespace lafs_test {{

// clang-format off
struct ImageFixture {{
    const char *name, *file;
    int width, height;
    const char* pixels;  // (height, width, 3)
}};
""")
table("image_fixtures", FIXTURES[:foreign])
print("/// Those that the library reads by OpenCV only.")
table("foreign_image_fixtures", FIXTURES[foreign:])
print("// clang-format on\n\n}  // namespace lafs_test")
