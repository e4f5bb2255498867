"""Makes windows.json: what pandas makes of signals over time, beside which the windows of a data descriptor stand.

    python -m venv venv && venv/bin/pip install numpy pandas
    venv/bin/python make_windows.py

Each case is { "title", "window", "signals": [[milliseconds, source, body]], "expected": { source: [rows of each window] } }.
`null` is not a number. With arguments: random cases instead, `make_windows.py SEED COUNT FILE`.
"""

import json
import math
import pathlib
import sys

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent
START = 1_780_000_000_000
AGGREGATES = {
    "sum": "sum",
    "mean": "mean",
    "min": "min",
    "max": "max",
    "first": "first",
    "last": "last",
    "count": "count",
    "delta": lambda values: values.iloc[-1] - values.iloc[0] if len(values) else np.nan,
}


def frame(signals):
    """Signals of one window, by their times; of the same time in the order in which they came."""
    table = pd.DataFrame(
        [{"at": pd.Timestamp(at, unit="ms"), "source": source, **body} for at, source, body in signals]
    )
    return table.set_index("at").sort_index(kind="stable")


def values_of(table, column):
    values = table[column.get("from", column["name"])] if len(table) else pd.Series(dtype=float)
    if "source" in column:
        values = values[table["source"] == column["source"]]
    return values.dropna()


def on_time(signals, lateness, last_end):
    """Drops what comes when the last slot that it falls in has closed; says of the rest which slots had closed when it came."""
    clock, kept = None, []
    for at, source, body in signals:
        if clock is None or last_end(at) + lateness > clock:
            kept.append((at, source, {**body, "closed": -math.inf if clock is None else clock - lateness}))
            clock = at if clock is None else max(clock, at)
    return kept, clock


def filled(rows, columns):
    """Rows of the slots in order: what is missing is filled, and rows that there are not are left out."""
    made, last = [], [np.nan] * len(columns)
    for row in rows:
        if not made and all(math.isnan(value) or value == 0 and columns[i]["of"] == "count" for i, value in enumerate(row)):
            continue
        out, is_row = [], True
        for i, (value, column) in enumerate(zip(row, columns)):
            if not math.isnan(value):
                if column["of"] != "count" or value:
                    last[i] = value
            else:
                fill = column.get("fill", 0 if column["of"] == "sum" else "nan")
                value = {"zero": 0, "nan": np.nan, "last": last[i], "skip": None}.get(fill, fill)
                is_row = is_row and value is not None and not (fill == "last" and math.isnan(value))
            out.append(value)
        if is_row:
            made.append(out)
    return made


def windows_of(rows, window):
    size, every = window.get("rows", 1), window.get("every_rows", 1)
    return [rows[end - size : end] for end in range(size, len(rows) + 1, every)]


def time_slots(signals, window):
    size = round(window["size_seconds"] * 1000)
    hop = round(window.get("every_seconds", window["size_seconds"]) * 1000)
    lateness = round(window.get("lateness_seconds", 0) * 1000)
    pane = math.gcd(size, hop)
    kept, clock = on_time(signals, lateness, lambda at: (at // pane * pane + size) // hop * hop)
    table = frame(kept)
    first = (min(at for at, *_ in kept) - lateness) // hop * hop + hop
    ends = range(first, (clock - lateness) // hop * hop + 1, hop)
    rows = []
    for end in ends:
        row = []
        for column in window["columns"]:
            values = values_of(table[table["closed"] < end], column)
            slot = values[(values.index >= pd.Timestamp(end - size, unit="ms")) & (values.index < pd.Timestamp(end, unit="ms"))]
            row.append(aggregate(slot, column))
        rows.append(row)
    return windows_of(filled(rows, window["columns"]), window)


def resampled(signals, window):
    """Slots that do not overlap, by pandas' own resample."""
    size = round(window["size_seconds"] * 1000)
    kept, clock = on_time(signals, 0, lambda at: at // size * size + size)
    table = frame(kept)
    by_column = []
    for column in window["columns"]:
        grouped = values_of(table, column).resample(f"{size}ms", origin="epoch")
        made = grouped.agg(AGGREGATES[column["of"]])
        # The sum of nothing is 0 to pandas; here that is a matter of the fill.
        by_column.append(made.where(grouped.count() > 0) if column["of"] != "count" else made)
    rows = pd.concat(by_column, axis=1, sort=True)
    for i, column in enumerate(window["columns"]):
        if column["of"] == "count":
            rows.iloc[:, i] = rows.iloc[:, i].fillna(0)
    full = rows.index + pd.Timedelta(size, "ms") <= pd.Timestamp(clock, unit="ms")
    return windows_of(filled(rows[full].to_numpy(float).tolist(), window["columns"]), window)


def rolling_time(signals, window):
    size = round(window["size_seconds"] * 1000)
    lateness = round(window.get("lateness_seconds", 0) * 1000)
    clock, kept = -math.inf, []
    for at, source, body in signals:
        if at >= clock - lateness:
            kept.append((at, source, body))
            clock = max(clock, at)
    ordered = sorted(kept, key=lambda signal: signal[0])
    ripe = sum(at + lateness <= clock for at, *_ in ordered)
    rows = []
    for i in range(ripe):
        slot = [signal for signal in ordered[: i + 1] if signal[0] > ordered[i][0] - size]
        table = frame(slot)
        rows.append([aggregate(values_of(table, column), column) for column in window["columns"]])
    hop = window["every_signals"]
    return windows_of(filled(rows[hop - 1 :: hop], window["columns"]), window)


def counted(signals, window):
    size, hop = window["size_signals"], window.get("every_signals", window["size_signals"])
    rows = []
    for end in range(size, len(signals) + 1, hop):
        # By arrival, whatever the times.
        table = frame([(i, source, body) for i, (_, source, body) in enumerate(signals[end - size : end])])
        rows.append([aggregate(values_of(table, column), column) for column in window["columns"]])
    return windows_of(filled(rows, window["columns"]), window)


def aggregate(values, column):
    of = column["of"]
    if not len(values):
        return 0 if of == "count" else np.nan
    if of in ("first", "last"):
        return float(values.iloc[0 if of == "first" else -1])
    return float(values.agg(AGGREGATES[of]))


def case(title, window, signals, reference, per="source"):
    groups = {}
    for signal in signals:
        groups.setdefault(signal[1] if per == "source" else "default", []).append(signal)
    expected = {group: reference(own, window) for group, own in groups.items()}
    columns = [{**column, "from": f"$.{column['from']}"} for column in window["columns"]]
    return {"title": title, "window": {**window, "columns": columns, "per": per}, "signals": signals, "expected": expected}


def signals_of(rng, count, sources=("s",), every_ms=300, fields=("v",), disorder_ms=0, gaps=0.0):
    at, made = START, []
    for _ in range(count):
        at += int(rng.integers(1, 2 * every_ms)) + (int(rng.integers(2_000, 9_000)) if rng.random() < gaps else 0)
        body = {field: round(float(rng.normal(0, 100)), 3) for field in fields if rng.random() < 0.9}
        body = body or {fields[0]: 1.5}
        made.append([at - int(rng.integers(0, disorder_ms + 1)), str(rng.choice(sources)), body])
    return made


def cases():
    rng = np.random.default_rng(11)
    every = [{"name": of, "from": "v", "of": of} for of in AGGREGATES]
    ten = [f"s{i}" for i in range(10)]
    sums = [{"name": name, "from": "v", "source": name, "of": "sum"} for name in ten]
    mixed = [
        {"name": "a", "from": "a", "of": "mean", "fill": "last"},
        {"name": "b", "from": "b", "of": "max", "fill": -1},
        {"name": "n", "from": "b", "of": "count"},
    ]
    gappy = lambda fill: [{"name": "v", "from": "v", "of": "mean", "fill": fill}]
    stream = signals_of(rng, 120)
    return [
        case("sums of ten sensors each second, the last 64 rows", {"size_seconds": 1, "rows": 64, "every_rows": 16, "columns": sums}, signals_of(rng, 700, ten, 100), resampled, "all"),
        case("every aggregate of slots that follow each other", {"size_seconds": 2.5, "columns": every}, stream, resampled),
        case("every aggregate of slots that overlap", {"size_seconds": 5, "every_seconds": 2, "columns": every}, stream, time_slots),
        case("every aggregate of the five seconds before each signal", {"size_seconds": 5, "every_signals": 1, "columns": every}, stream[:60], rolling_time),
        case("every third signal, out of order", {"size_seconds": 4, "every_signals": 3, "lateness_seconds": 1, "columns": every}, signals_of(rng, 90, disorder_ms=1500), rolling_time),
        case("every aggregate of so many signals", {"size_signals": 7, "columns": every}, stream, counted),
        case("so many signals, overlapping, in any order of time", {"size_signals": 10, "every_signals": 4, "columns": every}, signals_of(rng, 80, disorder_ms=2000), counted),
        case("a window for each source", {"size_seconds": 1, "rows": 3, "columns": [every[0], every[6]]}, signals_of(rng, 150, ("x", "y", "z")), resampled),
        case("several fields in a row, each with its fill", {"size_seconds": 1, "rows": 2, "every_rows": 2, "columns": mixed}, signals_of(rng, 120, fields=("a", "b"), gaps=0.1), resampled),
        *[case(f"gaps filled by {fill}", {"size_seconds": 1, "columns": gappy(fill)}, signals_of(rng, 60, gaps=0.15), resampled) for fill in ("zero", "last", 7.5, "nan", "skip")],
        case("late signals: what has waited long enough is closed", {"size_seconds": 1, "lateness_seconds": 2, "columns": every}, signals_of(rng, 150, disorder_ms=4000), time_slots),
        case("late for one slot and not for the next", {"size_seconds": 6, "every_seconds": 2, "lateness_seconds": 1, "columns": every}, signals_of(rng, 120, disorder_ms=5000), time_slots),
    ]


def random_case(rng, index):
    kind = rng.choice(["time", "sliding", "signals"])
    fills = ["zero", "last", "nan", "skip", 3, None]
    sources = ["s", "t", "u"][: rng.integers(1, 4)]
    per = str(rng.choice(["source", "all"]))
    columns = []
    for i in range(rng.integers(1, 5)):
        column = {"name": f"c{i}", "from": str(rng.choice(["a", "b"])), "of": str(rng.choice(list(AGGREGATES)))}
        fill = fills[rng.integers(0, len(fills))]
        if fill is not None:
            column["fill"] = fill
        columns.append(column)
    window = {"rows": int(rng.integers(1, 5)), "every_rows": int(rng.integers(1, 4)), "columns": columns}
    if kind != "signals":
        window["size_seconds"] = float(rng.integers(1, 60)) / 10
        window["lateness_seconds"] = float(rng.integers(0, 30)) / 10
    if kind == "time":
        window["every_seconds"] = float(rng.integers(1, round(window["size_seconds"] * 10) + 1)) / 10
        window["max_gap_seconds"] = 60
    if kind == "sliding":
        window["every_signals"] = int(rng.integers(1, 4))
    if kind == "signals":
        window["size_signals"] = int(rng.integers(1, 12))
        window["every_signals"] = int(rng.integers(1, window["size_signals"] + 1))
    wanted = {column["from"] for column in columns}
    signals = signals_of(rng, int(rng.integers(5, 60)), sources, int(rng.integers(2, 700)), ("a", "b"), int(rng.integers(0, 3000)), 0.1)
    signals = [signal for signal in signals if wanted & signal[2].keys()]
    reference = {"time": time_slots, "sliding": rolling_time, "signals": counted}[kind]
    for signal in signals:
        for field in ("a", "b"):
            signal[2].setdefault(field, None)
    return case(f"random {index}", window, signals, reference, per)


def write(path, made):
    text = json.dumps(made).replace("NaN", "null").replace('}, {"title"', '},\n{"title"')
    path.write_text(text + "\n", encoding="utf-8")


if len(sys.argv) == 4:
    seed, count, target = sys.argv[1:]
    generator = np.random.default_rng(int(seed))
    write(pathlib.Path(target), [random_case(generator, index) for index in range(int(count))])
else:
    write(HERE / "windows.json", cases())
