"""Makes the tables of this folder: what numpy, pandas, scikit-learn, Pillow, scipy and librosa make of the same signals.

    python -m venv venv && venv/bin/pip install numpy pandas scikit-learn pillow scipy librosa
    venv/bin/python make_tables.py

Each case is { "title", "signal" | "base64", "type", "params", "dtype"?, "shape", "data", "tolerance"? }: the params of
numpyarraytype and what must come out of the signal.
"""

import base64
import io
import json
import pathlib
import wave

import librosa
import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import MultiLabelBinarizer, OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(7)


def case(title, params, result, *, signal=None, raw=None, form=None, tolerance=0.0):
    result = np.asarray(result)
    entry = {"title": title, "params": params, "shape": list(result.shape), "data": result.astype(np.float64).ravel().tolist()}
    if raw is not None:
        entry |= {"base64": base64.b64encode(raw).decode(), "form": form}
    else:
        entry["signal"] = signal
    if tolerance:
        entry["tolerance"] = tolerance
    return entry


def write(name, cases):
    text = "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in cases) + "\n]\n"
    (HERE / f"{name}.json").write_text(text, encoding="utf-8")


def numbers():
    x = RNG.normal(size=(3, 4)).round(4)
    y = x.astype(np.float32)
    u = np.arange(24).reshape(2, 3, 4)
    xs, us = x.tolist(), u.tolist()
    scaler = StandardScaler().fit(RNG.normal(3, 2, size=(50, 4)))
    halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994]
    f32 = np.float32
    return [
        case("scale and offset in float64", {"scale": 0.1, "offset": -3.3, "dtype": "float64"}, x * 0.1 + -3.3, signal=xs),
        case("scale and offset in float32", {"scale": 0.1, "offset": -3.3, "compute": "float32"}, y * f32(0.1) + f32(-3.3), signal=xs),
        case("divide in float32", {"divide": 255, "compute": "float32"}, np.arange(256, dtype=np.uint8).astype(f32) / f32(255), signal=list(range(256))),
        case("normalise as StandardScaler", {"mean": scaler.mean_.tolist(), "std": scaler.scale_.tolist(), "dtype": "float64"}, scaler.transform(x), signal=xs),
        case("min_max by channel", {"min_max": {"min": [-3, -2, -1, -4], "max": [1, 2, 3, 4]}, "dtype": "float64"}, (x - [-3, -2, -1, -4]) / (np.array([1, 2, 3, 4]) - [-3, -2, -1, -4]), signal=xs),
        case("clip", {"clip": [-0.5, 0.5], "dtype": "float64"}, np.clip(x, -0.5, 0.5), signal=xs),
        case("round to the nearest", {"round": "nearest", "dtype": "float64"}, np.rint(halves), signal=halves),
        case("round towards zero", {"round": "zero", "dtype": "float64"}, np.trunc(halves), signal=halves),
        case("transpose", {"transpose": [2, 0, 1]}, u.transpose(2, 0, 1), signal=us),
        case("slice rows and an element", {"slice": [[0, 1], None, 2]}, u[0:1, :, 2], signal=us),
        case("slice backwards and in steps", {"slice": [None, [None, None, -1], [-3, None, 2]]}, u[:, ::-1, -3::2], signal=us),
        case("slice from the end", {"slice": [-1, [-2, -1]]}, u[-1, -2:-1], signal=us),
        case("shape", {"shape": [-1, 6]}, u.reshape(-1, 6), signal=us),
        case("elements of int16, big end first", {"from": "bytes", "elements": {"type": "int16", "order": "big"}}, [1, -2, 300], raw=np.array([1, -2, 300], ">i2").tobytes(), form="bytes"),
        case("elements of float16", {"from": "bytes", "elements": {"type": "float16", "skip": 1}}, np.array([0.1, -65504, 6e-8], np.float16), raw=b"x" + np.array([0.1, -65504, 6e-8], np.float16).tobytes(), form="bytes"),
        case("dtype float16", {"dtype": "float16"}, np.linspace(-5, 5, 90).astype(np.float16), signal=np.linspace(-5, 5, 90).tolist()),
    ]


def times():
    def parts(stamp):
        sine = lambda value, period: [np.sin(2 * np.pi * value / period), np.cos(2 * np.pi * value / period)]
        return [
            stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second + stamp.microsecond / 1e6,
            stamp.weekday(), stamp.day_of_year, *sine(stamp.month, 12), *sine(stamp.hour, 24), *sine(stamp.minute, 60), *sine(stamp.weekday(), 7),
        ]

    names = ["year", "month", "day", "hour", "minute", "second", "weekday", "yearday"]
    names += [f"{name}_{wave}" for name in ["month", "hour", "minute", "weekday"] for wave in ["sin", "cos"]]
    cases = []

    def add(title, text, options, stamp):
        params = {"time": {"parts": names, **options}, "dtype": "float64"}
        cases.append(case(title, params, parts(stamp), signal=text, tolerance=1e-15))

    for text in ["2019-09-13T23:30:00", "2024-02-29T00:00:59.250", "1969-12-31 23:59:59", "2020-12-31", "2026-03-29T02:30:00+02:00"]:
        add(f"ISO {text}", text, {}, pd.Timestamp(text))
    add("ISO with an offset, on another clock", "2026-03-29T00:59:59Z", {"zone": "Europe/Berlin"}, pd.Timestamp("2026-03-29T00:59:59Z").tz_convert("Europe/Berlin"))
    add("ISO with an offset, after the clock went forward", "2026-03-29T01:00:00Z", {"zone": "Europe/Berlin"}, pd.Timestamp("2026-03-29T01:00:00Z").tz_convert("Europe/Berlin"))
    formats = [
        ("%m/%d/%Y %I:%M %p", "09/13/2019 11:30 PM"), ("%m/%d/%Y %I:%M %p", "1/2/2020 12:05 am"), ("%d.%m.%y %H:%M:%S.%f", "31.12.99 23:59:59.125"),
        ("%a, %d %b %Y %H:%M:%S %z", "Fri, 13 Sep 2019 23:30:00 -0700"), ("%B %d, %Y", "February 28, 2021"),
    ]
    for form, text in formats:
        add(f"{form}: {text}", text, {"format": form}, pd.Timestamp(pd.to_datetime(text, format=form)))
    for zone in ["UTC", "Asia/Kolkata", "America/St_Johns"]:
        add(f"epoch in {zone}", 1568417400.5, {"zone": zone}, pd.Timestamp(1568417400.5, unit="s", tz="UTC").tz_convert(zone))
    add("epoch in milliseconds", 1568417400500, {"format": "epoch_ms"}, pd.Timestamp(1568417400500, unit="ms", tz="UTC"))
    for text, zone in [("2019-09-13T23:30:00", "Europe/Berlin"), ("2026-10-25T02:30:00", "Europe/Berlin"), ("2026-06-01T12:00:00", "America/New_York")]:
        stamp = pd.Timestamp(text).tz_localize(zone, ambiguous=True)
        cases.append(case(f"epoch of {text} in {zone}", {"time": {"parts": ["epoch"], "zone": zone}, "dtype": "float64"}, [stamp.timestamp()], signal=text))
    return cases


WORDS = ["red", "green", "blue"]
TEXTS = [
    "The quick brown fox jumps over the lazy dog. The dog sleeps.",
    "Über den Wolken; naïve café, x_1 y2 z — 100 % 10",
    "a b c",
    "Don't stop: it's 3.14, e-mail me@example.com!",
]


def categories():
    encoder = OneHotEncoder(categories=[WORDS], handle_unknown="ignore", sparse_output=False).fit([["red"]])
    binarizer = MultiLabelBinarizer(classes=WORDS).fit([WORDS])
    cases = [
        case("one_hot", {"one_hot": {"vocabulary": WORDS}}, encoder.transform([["green"]])[0], signal={"x": "green"}),
        case("one_hot of a list", {"one_hot": {"vocabulary": WORDS}}, encoder.transform([["green"], ["red"]]), signal=["green", "red"]),
        case("one_hot, ignored", {"one_hot": {"vocabulary": WORDS, "unknown": "ignore"}}, encoder.transform([["pink"]])[0], signal={"x": "pink"}),
        case("one_hot, extra", {"one_hot": {"vocabulary": WORDS, "unknown": "extra"}}, [0, 0, 0, 1], signal={"x": "pink"}),
        case("multi_hot", {"multi_hot": {"vocabulary": WORDS}}, binarizer.transform([["blue", "red"]])[0], signal=["blue", "red"]),
        case("multi_hot of one text", {"multi_hot": {"vocabulary": WORDS, "separator": ","}}, binarizer.transform([["blue", "red"]])[0], signal={"x": "blue, red"}),
        case("index", {"index": {"vocabulary": WORDS}}, [2, 0], signal=["blue", "red"]),
    ]
    tokens = ["", "a", "ab", "abc", "abcd", "hello", "größe", "日本", "x" * 37, *WORDS]
    for size in [1, 7, 16, 1024]:
        row = FeatureHasher(n_features=size, input_type="string").transform([tokens]).toarray()[0]
        cases.append(case(f"hash to {size}", {"hash": {"size": size}}, row, signal=tokens))
    row = FeatureHasher(n_features=8, input_type="string", alternate_sign=False).transform([tokens]).toarray()[0]
    cases.append(case("hash without signs", {"hash": {"size": 8, "signed": False}}, row, signal=tokens))
    return cases


def texts():
    cases = []
    for options, ours in [
        ({}, {}),
        ({"lowercase": False}, {"lowercase": False}),
        ({"binary": True}, {"binary": True}),
        ({"ngram_range": (1, 2)}, {"ngrams": [1, 2]}),
        ({"token_pattern": r"(?u)\b\w+\b"}, {"pattern": r"\b\w+\b"}),
        ({"token_pattern": r"\S+"}, {"pattern": r"\S+"}),
        ({"token_pattern": r"[a-z']{3,}"}, {"pattern": r"[a-z']{3,}"}),
        ({"token_pattern": r"\b\w\w\w+\b"}, {"pattern": r"\b\w\w\w+\b"}),
        ({"ngram_range": (1, 2), "stop_words": ["the", "of"]}, {"ngrams": [1, 2], "stop_words": ["the", "of"]}),
    ]:
        counter = CountVectorizer(**options).fit(TEXTS)
        vocabulary = {word: int(place) for word, place in counter.vocabulary_.items()}
        for text in TEXTS:
            row = counter.transform([text]).toarray()[0]
            cases.append(case(f"bag_of_words {ours}: {text[:12]}", {"bag_of_words": {"vocabulary": vocabulary, **ours}}, row, signal={"x": text}))
    for options, ours in [({}, {}), ({"sublinear_tf": True, "norm": "l1"}, {"sublinear_tf": True, "norm": "l1"}), ({"norm": None}, {"norm": "none"})]:
        weigher = TfidfVectorizer(**options).fit(TEXTS)
        params = {"vocabulary": weigher.get_feature_names_out().tolist(), "idf": weigher.idf_.tolist(), **ours}
        for text in [*TEXTS, "nothing known"]:
            row = weigher.transform([text]).toarray()[0]
            cases.append(case(f"tf_idf {ours}: {text[:12]}", {"tf_idf": params, "dtype": "float64"}, row, signal={"x": text}, tolerance=1e-15))
    vocabulary = ["the", "quick", "fox", "dog"]
    tokens = [vocabulary.index(word) + 1 for word in ["the", "quick", "fox", "the", "dog", "the", "dog"] if word in vocabulary]
    for length, ours, row in [
        (10, {}, [0, 0, 0, *tokens]),
        (10, {"pad_at": "end", "pad": -1}, [*tokens, -1, -1, -1]),
        (3, {}, tokens[-3:]),
        (3, {"cut_at": "end"}, tokens[:3]),
    ]:
        cases.append(case(f"sequence of {length} {ours}", {"sequence": {"vocabulary": vocabulary, "length": length, "first": 1, **ours}}, row, signal={"x": "The quick brown fox, the dog: the dog"}))
    return cases


def picture(width, height, mode, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 / width, y * 255 / height, (x + y) * 127 / (width + height)], axis=-1)
    pixels = np.clip(base + rng.normal(0, 12, base.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels, "RGB").convert(mode)


def png(image, **options):
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def images():
    rgb, grey = picture(30, 20, "RGB", 1), picture(17, 23, "L", 2)
    cases = []

    def add(title, image, params, result, data=None):
        cases.append(case(title, params, result, raw=data or png(image), form="image"))

    resize = lambda image, size, how=Image.Resampling.BICUBIC: np.asarray(image.resize(size, how))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    add("CHW of RGB", rgb, {}, np.asarray(rgb).transpose(2, 0, 1))
    add("HWC, bilinear", rgb, {"width": 11, "height": 9, "layout": "HWC", "filter": "bilinear"}, resize(rgb, (11, 9), Image.Resampling.BILINEAR))
    add("grey, lanczos", rgb, {"width": 40, "height": 33, "channels": 1, "layout": "HW", "filter": "lanczos"}, resize(rgb.convert("L"), (40, 33), Image.Resampling.LANCZOS))
    add("area", grey, {"width": 5, "height": 6, "filter": "area"}, resize(grey, (5, 6), Image.Resampling.BOX)[None])
    add("crop", rgb, {"crop": [3, 4, 10, 8]}, np.asarray(rgb.crop((3, 4, 13, 12))).transpose(2, 0, 1))
    normalised = ((resize(rgb, (8, 8)) / 255.0 - mean) / std).transpose(2, 0, 1)
    add("as torchvision normalises", rgb, {"width": 8, "height": 8, "divide": 255, "mean": mean.tolist(), "std": std.tolist()}, normalised.astype(np.float32))
    f32 = np.float32
    add("the same in float32", rgb, {"width": 8, "height": 8, "divide": 255, "mean": mean.tolist(), "std": std.tolist(), "compute": "float32"}, ((resize(rgb, (8, 8)).astype(f32) / f32(255) - mean.astype(f32)) / std.astype(f32)).transpose(2, 0, 1))
    for image, name in [(rgb, "wide"), (grey.convert("RGB"), "tall")]:
        for size in [(16, 16), (24, 10), (10, 24)]:
            padded = ImageOps.pad(image, size, Image.Resampling.BICUBIC, (114, 114, 114))
            add(f"letterbox of a {name} picture in {size}", image, {"width": size[0], "height": size[1], "fit": "letterbox", "fill": 114}, np.asarray(padded).transpose(2, 0, 1))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        for form in ["PNG", "WEBP"]:
            out = io.BytesIO()
            grey.convert("RGB").save(out, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
            opened = Image.open(io.BytesIO(out.getvalue()))
            upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB")).transpose(2, 0, 1)
            add(f"{form} upright from orientation {orientation}", None, {"orient": True, "channels": 3}, upright, out.getvalue())
    out = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.new("L", (8, 16), 128).save(out, "JPEG", exif=exif)
    add("JPEG upright from orientation 6", None, {"orient": True}, np.full((1, 8, 16), 128), out.getvalue())
    first, second = Image.new("RGB", (3, 2), (255, 0, 0)), Image.new("RGB", (3, 2), (0, 0, 255))
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=[second])
    add("GIF's first frame", None, {"layout": "HWC", "channels": 3}, np.asarray(first), out.getvalue())
    raw = np.asarray(rgb)
    cases.append(case("raw pixels", {"from": "bytes", "pixels": {"size": [30, 20], "channels": 3}, "width": 7, "height": 5}, resize(rgb, (7, 5)).transpose(2, 0, 1), raw=raw.tobytes(), form="bytes"))
    add("a pixel", rgb, {"from": {"pixel": [4, 7]}}, np.asarray(rgb)[7, 4])
    return cases


def wav(samples, rate, width=2):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        if width == 1:
            data = (samples * 127 + 128).round().astype(np.uint8).tobytes()
        elif width == 3:
            data = b"".join(int(v).to_bytes(3, "little", signed=True) for v in (samples * 8388607).round().astype(int).ravel())
        else:
            data = (samples * (2 ** (8 * width - 1) - 1)).round().astype(f"<i{width}").tobytes()
        file.writeframes(data)
    return out.getvalue()


def read(data):
    import soundfile

    return soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)


def audio():
    time = np.arange(2400) / 8000
    left = 0.5 * np.sin(2 * np.pi * 440 * time) + 0.1 * RNG.normal(size=time.size)
    right = 0.3 * np.sin(2 * np.pi * 1200 * time * (1 + time))
    both = np.clip(np.stack([left, right], axis=1), -1, 1)
    cases = []
    for width in [1, 2, 3, 4]:
        data = wav(both[:40], 8000, width)
        cases.append(case(f"{8 * width} bits, not mixed", {"audio": {"mono": False}, "dtype": "float64"}, read(data)[0].T, raw=data, form="audio"))
    data = wav(both, 8000)
    samples = read(data)[0]
    mono = samples.mean(axis=1)
    cases.append(case("mono", {"dtype": "float64"}, mono, raw=data, form="audio", tolerance=1e-16))
    cases.append(case("one channel", {"audio": {"channel": 1}, "dtype": "float64"}, samples[:, 1], raw=data, form="audio"))
    short = wav(both[:400], 8000)
    shorter = read(short)[0].mean(axis=1)
    for rate in [16000, 4000, 11025, 3000]:
        expected = librosa.resample(shorter, orig_sr=8000, target_sr=rate, res_type="polyphase")
        cases.append(case(f"resampled to {rate}", {"audio": {"rate": rate}, "dtype": "float64"}, expected, raw=short, form="audio", tolerance=1e-12))
    cases.append(case("frames", {"frames": {"size": 100, "hop": 64}, "dtype": "float64"}, librosa.util.frame(shorter, frame_length=100, hop_length=64, axis=0), raw=short, form="audio", tolerance=1e-16))
    for title, ours, theirs, db in [
        ("log_mel of 256", {"n_fft": 256, "hop_length": 128, "n_mels": 20}, {}, {}),
        ("log_mel of 400, a length that is no power of two", {"n_fft": 400, "hop_length": 160, "n_mels": 16, "fmin": 50, "fmax": 3800}, {}, {}),
        ("log_mel relative to the loudest", {"n_fft": 512, "hop_length": 256, "n_mels": 12, "ref": "max", "top_db": 30}, {}, {"ref": np.max, "top_db": 30}),
        ("log_mel, HTK, not centred, short window", {"n_fft": 256, "hop_length": 100, "win_length": 200, "n_mels": 10, "htk": True, "norm": "none", "center": False}, {"htk": True, "norm": None, "center": False, "win_length": 200}, {}),
    ]:
        options = {name: ours[name] for name in ["n_fft", "hop_length", "n_mels", "fmin", "fmax"] if name in ours}
        mel = librosa.feature.melspectrogram(y=mono, sr=8000, **options, **theirs)
        # librosa keeps its filters in float32.
        cases.append(case(title, {"log_mel": ours, "dtype": "float64"}, librosa.power_to_db(mel, **db), raw=data, form="audio", tolerance=1e-5))
    mel = librosa.feature.melspectrogram(y=mono, sr=8000, n_fft=256, hop_length=256, n_mels=8, power=1)
    cases.append(case("mel of magnitudes, no decibels", {"log_mel": {"n_fft": 256, "hop_length": 256, "n_mels": 8, "power": 1, "ref": "none"}, "dtype": "float64"}, mel, raw=data, form="audio", tolerance=1e-6))
    return cases


for name, cases in [("numbers", numbers()), ("times", times()), ("categories", categories()), ("texts", texts()), ("images", images()), ("audio", audio())]:
    write(name, cases)
    print(name, len(cases))
