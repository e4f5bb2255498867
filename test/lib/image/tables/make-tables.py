"""Writes pillow.json: pictures in base64 and what Pillow makes of them. Run with Pillow 12 or later: python make-tables.py"""

import base64
import io
import json
import math
import pathlib
import struct
import zlib

from PIL import Image

HERE = pathlib.Path(__file__).parent
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def text(data):
    return base64.b64encode(data).decode()


def pattern(mode, width, height):
    """A picture without symmetry: a mix-up of rows, columns or channels shows."""
    bands = len(mode)
    data = bytearray()
    for y in range(height):
        for x in range(width):
            for band in range(bands):
                data.append(int(127 + 127 * math.sin(x * 0.9 + y * y * 0.13 + band * 1.7 + x * y * 0.05)))
    return Image.frombytes(mode, (width, height), bytes(data))


def raw_png(width, height, depth, colour, interlace, chunks=(), filters=(0, 1, 2, 3, 4)):
    """A PNG written by hand: every depth, colour type, row filter and interlace, which Pillow does not write."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    top = (1 << depth) - 1
    raw = bytearray()
    for x0, y0, dx, dy in passes:
        xs, ys = range(x0, width, dx), range(y0, height, dy)
        if not xs or not ys:
            continue
        previous = None
        for number, y in enumerate(ys):
            bits = ""
            for x in xs:
                for s in range(samples):
                    value = (x * 7 + y * 13 + s * 29 + x * y) % (16 if colour == 3 and depth == 8 else top + 1)
                    bits += format(value, "0%db" % depth)
            bits += "0" * (-len(bits) % 8)
            row = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
            kind = filters[number % len(filters)]
            back = max(1, samples * depth // 8)
            raw.append(kind)
            for i, byte in enumerate(row):
                left = row[i - back] if i >= back else 0
                up = previous[i] if previous else 0
                corner = previous[i - back] if previous and i >= back else 0
                p = left + up - corner
                near = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
                raw.append((byte - [0, left, up, (left + up) // 2, near][kind]) % 256)
            previous = row

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packed = zlib.compress(bytes(raw))
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    for name, data in chunks:
        out += chunk(name, data)
    half = len(packed) // 2
    return out + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b"")


def expected(png):
    """Pillow's pixels as 8 bits a channel, grey and alpha kept as they are."""
    image = Image.open(io.BytesIO(png))
    image.load()
    has_alpha = "transparency" in image.info or image.mode in ("LA", "RGBA")
    if image.mode in ("I;16", "I;16B", "I"):
        values = [v >> 8 for v in image.get_flattened_data()]
        return 1, bytes(values)
    if png[25] == 4:
        image = image.convert("LA")  # Pillow opens 16-bit grey and alpha as RGBA
    if image.mode in ("1", "L"):
        image = image.convert("LA" if has_alpha else "L")
    elif image.mode == "P":
        image = image.convert("RGBA" if has_alpha else "RGB")
    elif image.mode == "RGB" and has_alpha:
        image = image.convert("RGBA")
    return len(image.getbands()), image.tobytes()


def decode_table():
    palette = bytes((i * 16 + c * 5) % 256 for i in range(16) for c in range(3))
    kinds = [(0, d) for d in (1, 2, 4, 8, 16)] + [(2, 8), (2, 16)] + [(3, d) for d in (1, 2, 4, 8)]
    kinds += [(4, 8), (4, 16), (6, 8), (6, 16)]
    rows = []
    for colour, depth in kinds:
        for interlace in (0, 1):
            for width, height in ((11, 7), (1, 1), (3, 9)):
                chunks = []
                if colour == 3:
                    chunks.append((b"PLTE", palette[: 3 * min(16, 1 << depth)]))
                png = raw_png(width, height, depth, colour, interlace, chunks)
                channels, pixels = expected(png)
                name = f"colour type {colour}, {depth} bit, {'interlaced' if interlace else 'plain'}, {width}x{height}"
                rows.append({"name": name, "png": text(png), "channels": channels, "pixels": text(pixels)})
    for name, colour, depth, chunks in (
        ("palette with alpha", 3, 4, [(b"PLTE", palette), (b"tRNS", bytes(range(0, 160, 16)))]),
        ("grey with a transparent value", 0, 8, [(b"tRNS", struct.pack(">H", 13))]),
        ("RGB with a transparent colour", 2, 8, [(b"tRNS", struct.pack(">HHH", 7, 36, 65))]),
    ):
        png = raw_png(11, 7, depth, colour, 0, chunks)
        channels, pixels = expected(png)
        rows.append({"name": name, "png": text(png), "channels": channels, "pixels": text(pixels)})
    return rows


def resize_table():
    rows = []
    for mode in ("L", "RGB"):
        image = pattern(mode, 13, 9)
        for size in ((5, 4), (13, 3), (29, 17), (28, 28), (1, 1)):
            for name, how in FILTERS.items():
                rows.append(
                    {
                        "name": f"{mode} 13x9 to {size[0]}x{size[1]}, {name}",
                        "channels": len(mode),
                        "from": text(image.tobytes()),
                        "width": size[0],
                        "height": size[1],
                        "filter": name,
                        "pixels": text(image.resize(size, how).tobytes()),
                    }
                )
    return rows


def grey_table():
    rows = []
    for mode in ("LA", "RGB", "RGBA"):
        image = pattern(mode, 13, 9)
        rows.append({"name": mode, "from": text(image.tobytes()), "pixels": text(image.convert("L").tobytes())})
    return rows


def codec_table():
    rows = []
    for mode in ("L", "RGB"):
        for name, options in (("JPEG", {"quality": 95, "subsampling": 0}), ("WEBP", {"lossless": True})):
            file = io.BytesIO()
            pattern(mode, 24, 16).save(file, name, **options)
            image = Image.open(io.BytesIO(file.getvalue()))
            rows.append({"name": f"{name} {mode}", "file": text(file.getvalue()), "pixels": text(image.convert(mode).tobytes())})
    return rows


def rotate_table():
    rows = []
    for mode in ("L", "RGB"):
        image = pattern(mode, 13, 9)
        for degrees in (-10, -3.7, 0, 0.5, 6.25, 90):
            turned = image.rotate(degrees)
            rows.append({"channels": len(mode), "degrees": degrees, "from": text(image.tobytes()), "pixels": text(turned.tobytes())})
    return rows


def crop_table():
    image = pattern("L", 13, 9)
    boxes = [(2, 1, 9, 7), (-3, -2, 16, 11), (5, -4, 20, 3), (20, 20, 25, 22)]
    return [{"box": box, "from": text(image.tobytes()), "pixels": text(image.crop(box).tobytes())} for box in boxes]


tables = {"decode": decode_table(), "resize": resize_table(), "grey": grey_table(), "rotate": rotate_table(), "crop": crop_table(), "codec": codec_table()}
(HERE / "pillow.json").write_text(json.dumps(tables, separators=(",", ":")) + "\n")
