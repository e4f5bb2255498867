"""Makes senders.json: what the senders of the original's demos computed in Python before they published, and the descriptors that
stand in for them: a plain sensor's signals must come to the same features, to the last digit of a float32.

    python -m venv venv && venv/bin/pip install numpy pandas scikit-learn pillow
    venv/bin/python make_senders.py

Each case is { "title", "descriptor", "signals": [{ "data" | "base64", "type"?, "source"?, "seconds"? }], "expected": [[{ "shape",
"data" }, …], …] }: for each features message its features in the descriptor's order.
"""

import base64
import collections
import datetime
import io
import json
import pathlib
import re

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(5)


def array(value):
    value = np.asarray(value).astype(np.float32)
    return {"shape": list(value.shape), "data": value.astype(np.float64).ravel().tolist()}


def feature(name, params):
    return {"feature_name": name, "feature_type": "numpyarraytype", "feature_params": params}


def case(title, features, signals, expected, window=None):
    descriptor = {"ingestion_data_name": "demo", "feature_list": features}
    if window is not None:
        descriptor["window"] = window
    return {"title": title, "descriptor": descriptor, "signals": signals, "expected": [[array(each) for each in made] for made in expected]}


def work_or_play():
    """The program in front as one-hot, and the first five words of an address as numbers of a vocabulary by frequency."""
    programs = np.array(["code.exe", "chrome.exe", "excel.exe", "game.exe"]).reshape(-1, 1)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(programs)
    stops = ["http", "https", "www", "com", "html", "org", "the", "of"]
    words = lambda url: [word for word in re.findall(r"[a-zA-Z]+", url) if word not in stops]
    urls = ["http://www.news.com/world/politics", "https://www.Shop.com/Games/the-best-of-chess", "http://docs.python.org/library/json.html", "WWW.GAMES.ORG/chess/news", "http://chess.com/the/Play"]
    counts = collections.Counter(word.lower() for url in urls for word in words(url))
    numbers = {word: i + 1 for i, (word, _) in enumerate(counts.most_common())}
    vocabulary = sorted(numbers, key=numbers.get)

    def sequence(url):
        row = [numbers[word.lower()] for word in words(url) if word.lower() in numbers][:5]
        return row + [0] * (5 - len(row))

    asked = [(program, url) for program in ["chrome.exe", "game.exe", "unknown.exe"] for url in [*urls, "http://www.com", "HTTP://WWW.the.games/Best", "https://unheard.of/a/b/c/chess/d/news/play/games/shop/docs"]]
    features = [
        feature("app", {"from": "$.app", "one_hot": {"vocabulary": encoder.categories_[0].tolist(), "unknown": "ignore"}, "shape": [1, -1]}),
        feature("url", {"from": "$.url", "sequence": {"vocabulary": vocabulary, "first": 1, "length": 5, "pad_at": "end", "cut_at": "end", "pattern": "[a-zA-Z]+", "stop_words": stops}, "shape": [1, 5]}),
    ]
    expected = [[encoder.transform([[program]]), [sequence(url)]] for program, url in asked]
    return case("program and address: one-hot and a sequence of words", features, [{"data": {"app": app, "url": url}} for app, url in asked], expected)


def key_strokes():
    """What was typed, weighed by tf-idf."""
    texts = ["the quick brown fox jumps over the lazy dog", "a lazy dog sleeps, and sleeps again", "quick: brown? foxes. jump", "pack my box with five dozen liquor jugs"]
    vectorizer = TfidfVectorizer().fit(texts)
    vocabulary = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.get)
    typed = [*texts, "The dog, the fox. THE BOX?", "nothing known here 42", "x y z", " dog dog dog fox\tfox\nbox "]
    expected = [[np.squeeze(vectorizer.transform([text]).toarray())] for text in typed]
    params = {"from": "body", "tf_idf": {"vocabulary": vocabulary, "idf": vectorizer.idf_.tolist()}}
    signals = [{"base64": base64.b64encode(text.encode()).decode(), "type": "text/plain"} for text in typed]
    return case("key strokes: tf-idf", [feature("float_input", params)], signals, expected)


def day_and_hour():
    """`09/13/2019 11:30 PM` as weekday and hour, where noon counts 24 and midnight 12."""
    stamps = [datetime.datetime(2019, 9, 13, hour, 30) + datetime.timedelta(days=int(RNG.integers(0, 3000))) for hour in range(24)]

    def parts(text):
        date, clock, half = text.split()
        month, day, year = map(int, date.split("/"))
        hour = int(clock.split(":")[0]) + (12 if half == "PM" else 0)
        return [datetime.date(year, month, day).weekday(), hour]

    texts = [stamp.strftime("%m/%d/%Y %I:%M %p") for stamp in stamps]
    params = {"from": "body", "time": {"format": "%m/%d/%Y %I:%M %p", "parts": ["weekday", "hour12_pm"]}}
    signals = [{"base64": base64.b64encode(text.encode()).decode(), "type": "text/plain"} for text in texts]
    return case("date and time: weekday and hour", [feature("float_input", params)], signals, [[parts(text)] for text in texts])


def updates():
    """`2019-08-17 00:39:00 0.6 0.3` as weekday, hour and the first number twice."""
    lines = []
    for _ in range(30):
        stamp = datetime.datetime(2019, 8, 17) + datetime.timedelta(minutes=int(RNG.integers(0, 500_000)))
        lines.append(f"{stamp:%Y-%m-%d %H:%M:%S} {round(float(RNG.random()), 3)} {round(float(RNG.random()), 3)}")

    def parts(line):
        day, clock, first, _ = line.split(" ")
        return [datetime.date.fromisoformat(day).weekday(), int(clock.split(":")[0]), float(first), float(first)]

    first = {"split": " ", "part": 2}
    params = {"from": [{"from": {"split": " ", "part": [0, 2]}, "time": {"parts": ["weekday", "hour"]}}, first, first]}
    signals = [{"base64": base64.b64encode(line.encode()).decode(), "type": "text/plain"} for line in lines]
    return case("update: time and numbers of a line", [feature("float_input", params)], signals, [[parts(line)] for line in lines])


def look_back(rows, length=64):
    return [[rows[i : i + length]] for i in range(len(rows) - length + 1)]


def one_sensor():
    """A column of CSV, standardised, 64 values back."""
    train = pd.DataFrame({"value": RNG.normal(50, 20, 300)})
    test = pd.DataFrame({"timestamp": pd.date_range("2014-04-01", periods=80, freq="5min").astype(str), "value": RNG.normal(60, 30, 80)})
    scaler = StandardScaler().fit(train[["value"]].values)
    window = {"size_signals": 1, "rows": 64, "columns": [{"name": "value", "from": {"field": "value"}}]}
    params = {"mean": scaler.mean_.tolist(), "std": scaler.scale_.tolist()}
    signals = [{"base64": base64.b64encode(test.to_csv(index=False).encode()).decode(), "type": "text/csv"}]
    return case("one sensor: standardised, 64 back", [feature("input_sequence", params)], signals, look_back(scaler.transform(test[["value"]].values)), window)


def ten_sensors():
    """Ten sensors in a message, each standardised by itself, 64 messages back."""
    names = [f"sensor{i}" for i in range(10)]
    train, test = RNG.normal(range(10), range(1, 11), (200, 10)), RNG.normal(range(10), range(2, 12), (75, 10))
    scaler = StandardScaler().fit(train)
    window = {"size_signals": 1, "rows": 64, "columns": [{"name": name, "from": f"$.{name}"} for name in names]}
    params = {"mean": scaler.mean_.tolist(), "std": scaler.scale_.tolist()}
    signals = [{"data": dict(zip(names, row))} for row in test.tolist()]
    return case("ten sensors: each standardised, 64 back", [feature("input_sequence", params)], signals, look_back(scaler.transform(test)), window)


def counting_sensors():
    """Counts by MQTT, `name-3`, added up for a second; the newest row first, zeros until there are 64."""
    names = ["mhhd_s1", "mhhd_s2", "mhhd_s3", *(f"sensor{i}" for i in range(3, 10))]
    data, sums, second = np.zeros((64, 10)), np.zeros(10), 0
    signals, expected = [], []
    for i in range(900):
        at = i * 0.1 + 0.05
        if int(at) > second:
            data, sums, second = np.append([sums], data[:63], axis=0), np.zeros(10), int(at)
            expected.append([data])
        sensor, count = int(RNG.integers(0, 3)), round(float(RNG.exponential(3)), 2)
        sums[sensor] += count
        text = f"{names[sensor]}-{count}"
        signals.append({"base64": base64.b64encode(text.encode()).decode(), "type": "text/plain", "source": names[sensor], "seconds": at})
    column = {"names": names, "by": "source", "from": {"split": "-", "part": -1}, "of": "sum", "fill": "zero"}
    window = {"size_seconds": 1, "rows": 64, "pad": 0, "per": "all", "columns": [column]}
    return case("counts by MQTT: sums of a second, 64 seconds back", [feature("input_sequence", {"slice": [[None, None, -1]]})], signals, expected, window)


def waves():
    """One reading after the other, 37 back, the newest first, zeros until there are 37."""
    readings = np.sin(2.6 * np.arange(60) * 0.02 + 1.2) + RNG.normal(0, 0.05, 60)
    sequence, expected = np.zeros(37), []
    for reading in readings:
        sequence = np.append([reading], sequence[:36])
        expected.append([sequence])
    window = {"size_signals": 1, "rows": 37, "pad": 0, "columns": [{"name": "input_sequence", "from": "body"}]}
    signals = [{"data": reading} for reading in readings.tolist()]
    return case("a wave: 37 readings back", [feature("input_sequence", {"slice": [[None, None, -1]]})], signals, expected, window)


def camera():
    """A picture as Pillow gives it to numpy."""
    pixels = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    params = {"from": "image", "layout": "HWC", "dtype": "uint8"}
    signals = [{"base64": base64.b64encode(file.getvalue()).decode(), "type": "image/png"}]
    return case("camera: a picture as it is", [feature("image_tensor", params)], signals, [[np.asarray(Image.open(file))]])


CASES = [work_or_play(), key_strokes(), day_and_hour(), updates(), one_sensor(), ten_sensors(), counting_sensors(), waves(), camera()]
# Of long runs of windows the first, the last and some between say enough.
for each in CASES:
    if "window" in each["descriptor"]:
        step = len(each["expected"]) // 3
        each["every"] = step
        each["count"] = len(each["expected"])
        each["expected"] = each["expected"][::step]
text = "[\n" + ",\n".join(json.dumps(each) for each in CASES) + "\n]\n"
(HERE / "tables").mkdir(exist_ok=True)
(HERE / "tables" / "senders.json").write_text(text, encoding="utf-8")
