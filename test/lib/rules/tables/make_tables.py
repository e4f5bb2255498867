"""Writes the tables that the rule language is held against: expressions, and what Python and numpy make of them.

Run by hand, with any numpy 2:

    python3 -m venv venv && venv/bin/pip install numpy
    venv/bin/python test/lib/rules/tables/make_tables.py

Each table is a list of {"rule", "repr", "str", "type", "truthy"} or {"rule", "errors": [class names]}; "truthy" is the
class name of an error where bool() raises one. Tables named approximate-* hold nested numbers instead of a repr, for
functions whose last digit is the library's own affair.
"""

import itertools
import json
import pathlib
import random
import warnings

import numpy as np

HERE = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")


class Prediction:
    def __init__(self, data, class_label=None, probability=None):
        self.data, self.class_label, self.probability = data, class_label, probability


class Predictions(dict):
    """Iterating the original's predictions yields the objects."""

    def __iter__(self):
        return iter(self.values())


INPUTS = {
    "sigmoid": {"dtype": "float32", "shape": [1, 1], "data": [[0.7]]},
    "scores": {"dtype": "float32", "shape": [1, 5], "data": [[0.1, 0.7, 0.05, 0.15, 0.0]], "class_label": "person", "probability": 0.7},
    "grid": {"dtype": "float64", "shape": [3, 4], "data": [[1.5, -2.0, 3.25, 0.0], [4.0, 5.5, -6.75, 7.0], [8.0, 9.0, 10.5, -11.0]]},
    "counts": {"dtype": "int64", "shape": [6], "data": [3, 1, 2, 3, 0, -5]},
    "cube": {"dtype": "int64", "shape": [2, 3, 2], "data": [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]]},
    "flags": {"dtype": "bool", "shape": [4], "data": [True, False, True, True]},
    "holes": {"dtype": "float64", "shape": [4], "data": [1.0, None, 3.0, -2.0]},
    "none": {"dtype": "float64", "shape": [0], "data": []},
    "pixels": {"dtype": "uint8", "shape": [2, 2], "data": [[250, 3], [7, 128]]},
    "names": {"dtype": "string", "shape": [3], "data": ["cat", "dog", "bird"], "class_label": "cat", "probability": 0.5},
    "label": {"dtype": "int64", "shape": [1], "data": [1]},
    "small": {"dtype": "float16", "shape": [3], "data": [0.1, 1.5, 1000.0]},
    "zipmap": {"maps": [{"0": 0.1, "1": 0.9}], "class_label": None},
}


def array_of(spec):
    if "maps" in spec:
        return [{int(k): v for k, v in m.items()} for m in spec["maps"]]
    if spec["dtype"] == "string":
        return np.array(spec["data"])
    data = json.loads(json.dumps(spec["data"]), parse_constant=float)
    return np.array([np.nan if x is None else x for x in data] if None in data else data, dtype=spec["dtype"]).reshape(spec["shape"])


PREDICTION = Predictions({k: Prediction(array_of(v), v.get("class_label"), v.get("probability")) for k, v in INPUTS.items()})


def environment():
    return {"np": np, "prediction": PREDICTION, "source": "door", "time": 1700000000.25,
            "features": {"temperature": np.array([21.5, 22.0]), "room": "kitchen"}}


def error_names(error):
    return [c.__name__ for c in type(error).__mro__ if c not in (object, BaseException, Exception)]


def outcome(rule):
    try:
        value = eval(rule, environment())  # as the original did
    except SyntaxError:
        raise
    except Exception as error:
        return {"rule": rule, "errors": error_names(error)}
    try:
        truthy = bool(value)
    except Exception as error:
        truthy = error_names(error)[0]
    return {"rule": rule, "repr": repr(value), "str": str(value), "type": type(value).__name__, "truthy": truthy}


def plain(value):
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": [plain_number(x) for x in value.ravel().tolist()]}
    if isinstance(value, np.generic):
        return {"dtype": value.dtype.name, "shape": [], "data": [plain_number(value.item())]}
    return {"dtype": type(value).__name__, "shape": [], "data": [plain_number(value)]}


def plain_number(x):
    if isinstance(x, float) and not np.isfinite(x):
        return str(x)
    return x


def approximate(rule):
    try:
        return {"rule": rule, **plain(eval(rule, environment()))}
    except Exception as error:
        return {"rule": rule, "errors": error_names(error)}


def kept(entry):
    """Leaves out what the language says it does not have: complex numbers, object arrays, text scalars of numpy's own,
    and what is the processor's affair: float32's last digit of a power, the order in which argsort leaves equal elements."""
    text = entry.get("repr", "")
    if "**" in entry["rule"] and ("np.float32" in entry["rule"] or "flags" in entry["rule"]):
        return False
    if "argsort" in entry["rule"] and any(name in entry["rule"] for name in ("counts", "flags", "[1, 1, 1]")):
        return False
    return not any(word in text for word in ("object", "complex", "j)", "0x", "np.str_")) and entry.get("type") not in ("complex",)


def write(name, rules, make=outcome):
    seen, entries = set(), []
    for rule in rules:
        if rule in seen:
            continue
        seen.add(rule)
        entry = make(rule)
        if kept(entry):
            entries.append(entry)
    text = "[\n" + ",\n".join("  " + json.dumps(e, ensure_ascii=False) for e in entries) + "\n]\n"
    (HERE / f"{name}.json").write_text(text)
    print(f"{name}: {len(entries)}")


def products(values, operators):
    return [f"{a} {op} {b}" for op in operators for a, b in itertools.product(values, values)]


P = lambda n: f"prediction['{n}'].data"

PYTHON_NUMBERS = ["0", "1", "-7", "3", "2.5", "-0.0", "True", "1e300", "10**20", "-3.0"]
MIXED_NUMBERS = ["np.float64(0)", "np.float64(-7.5)", "np.float32(2.5)", "np.int64(-7)", "np.int64(3)", "2", "0.1", "True", "(np.float64(1) > 0)"]
ARRAYS = ["np.array([1, -2, 3])", "np.array([0.5, 0.0, np.nan])", P("flags") + "[:3]", "np.float32([1.1, 2.2, -3.3])", P("pixels") + "[0]", "2", "-1.5", "[1, 2, 3]", P("none"), "np.ones((2, 1))"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">", ">="]

ORIGINAL = [
    "any(p.class_label == 'person' for p in prediction)",
    "any(p.class_label == 'car' and p.probability > 0.5 for p in prediction)",
    "any(p.class_label == 'person' and p.probability > 0.5 for p in prediction)",
    "any([p.class_label == 'cat' for p in prediction])",
    "all(p.probability is None or p.probability >= 0.5 for p in prediction)",
    "prediction['sigmoid'].data[0] > 0.5", "prediction['sigmoid'].data[0] > 0.7", "prediction['sigmoid'].data[0][0] > 0.5",
    "prediction['sigmoid'].data > 0.5", "prediction['scores'].data[0] > 0.5", "prediction['scores'].data > 0.5",
    "np.argmax(prediction['scores'].data) == 1", "np.argmax(prediction['scores'].data[0]) == 3", "prediction['label'].data[0] == 1",
    "prediction['zipmap'].data[0][1] > 0.8", "prediction['zipmap'].data[0][0] > 0.8", "prediction['zipmap'].data[0].get(1, 0.0) > 0.5",
    "prediction['zipmap'].data[0][2] > 0.8", "max(prediction['zipmap'].data[0].values())", "sorted(prediction['zipmap'].data[0].items())",
    "prediction['missing'].data[0] > 0.5", "prediction['sigmoid'].data[5]", "prediction['names'].data[0] == 'cat'", "'dog' in prediction['names'].data",
    "prediction['sigmoid'].class_label == 'x'", "prediction['sigmoid'].class_label is None", "prediction['sigmoid'].probability > 0.5",
    "len(prediction)", "'scores' in prediction.keys()", "source == 'door'", "time % 86400 / 3600 > 6", "features['room'].upper()", "features['temperature'].mean() > 21",
    "prediction['scores'].data.max() > 0.5 and prediction['scores'].data.argmax() == 1", "True", "False", "None", "0", "1", "'x'", "''", "[]", "[0]", "{}", "()",
    "np.max(prediction['scores'].data) - np.min(prediction['scores'].data) < 0.7", "prediction['scores'].data[0, 1] > 0.5 or 1 / 0", "prediction['scores'].data[0, 1] < 0.5 or 1 / 0",
    "sum(p.probability > 0.4 for p in prediction if p.probability is not None)", "[p.class_label for p in prediction if p.class_label]",
    "bool(prediction['scores'].data)", "bool(prediction['none'].data)", "not prediction['scores'].data", "prediction['scores'].data and 1", "1 if prediction['scores'].data else 2",
    "(prediction['scores'].data > 0.5).any()", "(prediction['scores'].data > 0.5).sum() == 1", "np.count_nonzero(prediction['scores'].data > 0.1) > 2", "prediction['flags'].data.all()",
    "any(prediction['flags'].data)", "all(prediction['flags'].data)", "any(x > 2 for x in prediction['counts'].data)", "any(prediction['scores'].data > 0.5)", "max(prediction['counts'].data)",
    "sum(prediction['counts'].data)", "sum(prediction['scores'].data)", "min(prediction['scores'].data[0])", "sorted(prediction['counts'].data)", "len(prediction['scores'].data)",
    "prediction['sigmoid'].data[0] == prediction['sigmoid'].data[0][0]", "float(prediction['sigmoid'].data[0][0]) > 0.69", "int(prediction['label'].data[0])", "round(float(prediction['sigmoid'].data[0][0]), 2)",
    "prediction['scores'].data.tolist()", "prediction['counts'].data.tolist() == [3, 1, 2, 3, 0, -5]", "0.5 < prediction['sigmoid'].data[0] < 0.9", "0.5 < prediction['scores'].data[0] < 0.9",
]

TRUTH = [f"bool({v})" for v in ["0", "0.0", "-0.0", "np.nan", "''", "'0'", "[]", "[[]]", "()", "(0,)", "{}", "{0: 0}", "range(0)", "range(1)", "None", "np.float64(0)", "np.array([0])", "np.array([[1]])", "np.array(0)", "np.array([])", "np.array([1, 0])", "np.array(['']) ", "np.array(['a'])", "np.float64(0) > 0", "(x for x in [])", "zip()", "10**30", "np.array([[0.0]]) == 0"]] + [
    "not 0", "not []", "1 and 2", "0 and 2", "0 or 3", "'' or 'x' or 1 / 0", "1 and 0 and 1 / 0", "not not 'x'", "not 1 == 2", "not 1 in [1]", "not True and False", "not True or True", "True or not False and False", "False and not True or True", "not False and not False",
    "not 1 < 2 and 3", "1 if [] else 2", "1 if 2 else 3 if 4 else 5", "(1 if 0 else 2) + 1", "1 < 2 < 3", "1 < 3 < 2", "1 < 2 == 2", "(1 < 2) == True", "1 < (2 == 2)", "3 > 2 > 1 > 0", "1 == 1.0 == True", "1 in [1] == True", "None is None", "None is not None", "1 is None", "True is True", "(1 == 1) is True", "(np.float64(1) > 0) is True", "not None", "None == 0", "None != 0", "[] == []", "[] is None", "1 not in [2, 3]", "'a' in 'cat'", "'' in 'cat'", "'ca' not in 'cat'", "1 in {1: 2}", "2 in {1: 2}", "1 in (1, 2)", "1.0 in {1}", "True in [1]", "np.nan in [np.nan]", "3 in range(0, 10, 3)", "4 in range(0, 10, 3)", "2 in np.array([1, 2])", "5 in np.array([[1, 2]])", "1 in 5", "1 in 'a'", "[1] in [[1]]", "(1, 2) in {(1, 2): 0}", "[1] in {1: 0}",
    "any([])", "all([])", "any([0, '', None])", "all([1, 'a', [0]])", "any(1 / x for x in [1, 0])", "all(1 / x > 2 for x in [1, 0])", "any(1 / x for x in [0, 1])", "any(5)", "any(x for x in 'abc' if x == 'b')",
]

NUMBERS = products(PYTHON_NUMBERS, OPERATORS[:6]) + products(["0", "1", "-7", "3", "2.5", "True", "-3.0"], ["**", "<", "==", ">="]) + [
    "7 // 2", "-7 // 2", "7 // -2", "-7 % 3", "7 % -3", "7.5 // 2", "-7.5 % 2", "2 ** 10", "2 ** -1", "2 ** 0.5", "(-8) ** 2", "-2 ** 2", "2 ** 3 ** 2", "2 ** -1 ** 2", "0 ** 0", "0.0 ** 0", "0 ** -1", "0.0 ** -1", "2 ** 64", "2 ** 100 - 2 ** 99", "(2 ** 64) // 3", "-(2 ** 64) // 3", "(2 ** 64) % 1000", "-(2 ** 64) % 1000",
    "2 ** 53 + 1", "2 ** 53 + 1 - 2 ** 53", "9007199254740993 + 0", "9007199254740993 * 1", "(10 ** 20) / 3", "(10 ** 400) / (10 ** 399)", "10 ** 400 / 3", "(2 ** 1000 + 1) / 2 ** 999", "9007199254740993 / 1", "9007199254740993 * 1.0", "9007199254740993 == 9007199254740992.0", "9007199254740993 > 9007199254740992.0", "10 ** 400 > 1e308", "10 ** 400 + 1.0", "float(10 ** 400)",
    "1e308 * 10", "-1e308 * 10", "1e308 * 10 - 1e308 * 10", "np.inf - np.inf", "np.inf // 1", "1 // np.inf", "5 % np.inf", "-5 % np.inf", "np.nan == np.nan", "np.nan != np.nan", "1e308 ** 2", "(-8.0) ** 3", "1 << 10", "1 << 70", "(1 << 70) >> 68", "-1 >> 5", "5 >> 100", "1 << -1", "6 & 3", "6 | 3", "6 ^ 3", "~6", "~True", "-1 & 255", "(2 ** 70) & (2 ** 69 + 1)", "-(2 ** 70) | 1", "True + True", "True & False", "True | 1", "True ^ True", "True << 2", "-True", "+True", "--5", "+-5", "~-1", "-(-0.0)", "0 * -1", "-0", "0.1 + 0.2", "0.1 + 0.2 == 0.3", "1 / 3", "1e16", "1e15", "123456789012345678", "1e22", "1.5e-7", "0.0001", "0.00001", "1e-5 * 3", "5e-324", "1.7976931348623157e308", "100.0", "1_000", "0x1F", "0o17", "0b101", "1e3", ".5", "5.", "1_0.5e-1_0",
    "1 + 1.0", "1 - 'a'", "'a' + 1", "[] + ()", "None + 1", "1 < 'a'", "None < 1", "[] < 1", "'a' * 2.0", "{} + {}", "'a' - 1", "1 // 0", "1 % 0", "1.0 / 0", "1.0 // 0", "1.0 % 0", "0 / 0", "1 / np.float64(0)", "np.float64(1) / 0", "np.float64(0) / 0", "np.int64(1) / 0", "np.int64(1) // 0", "np.int64(1) % 0", "np.float64(1) // 0", "np.float64(1) % 0", "np.int64(2) ** -1", "np.int64(2) ** 0.5", "np.float64(-8) ** 0.5", "np.float64(2) ** -1", "2 ** np.int64(-1)",
]

CONVERTING = [
    "int(3.9)", "int(-3.9)", "int('42')", "int(' -42 ')", "int('4_2')", "int('0x1f', 16)", "int('ff', 16)", "int('z', 36)", "int('12', 0)", "int('0b11', 0)", "int('1.5')", "int('')", "int('abc')", "int(np.nan)", "int(np.inf)", "int(None)", "int([1])", "int(True)", "int()", "int(1e20)", "int(10**30)", "int(np.float64(2.9))", "int(np.array([1, 2]))", "int('9' * 30)", "int('5', 3)", "int(5, 3)",
    "float('1.5')", "float('  1e3 ')", "float('inf')", "float('-Infinity')", "float('nan')", "float('1_0.5')", "float('x')", "float('')", "float(3)", "float(True)", "float(None)", "float([])", "float()", "float(np.float32(0.1))", "float(np.int64(3))", "float(np.array([1, 2]))", "float('1e400')", "float('0x1')",
    "bool()", "str()", "str(1)", "str(1.0)", "str(-0.0)", "str(1e16)", "str(1e15)", "str(0.1)", "str(None)", "str(True)", "str('a')", "str([1, 'a', 2.0, None, True])", "str((1,))", "str((1, 2))", "str({1: 'a'})", "str(np.float32(0.1))", "str(np.float64(0.1))", "str(np.int64(3))", "str(np.float64(1) > 0)", "str([np.float32(0.1), np.int64(2), np.float64(1) > 2])", "str(np.nan)", "str(np.inf)", "str('it\\'s')", "str(['it\\'s', 'say \"x\"', 'a\\nb', 'a\\\\b', '\\x01', 'é'])", "str(range(3))", "str(range(1, 10, 2))", "str(10**25)", "str({1, })", "str([[]])", "str({})",
    "round(0.5)", "round(1.5)", "round(2.5)", "round(-0.5)", "round(-1.5)", "round(2.675, 2)", "round(1.005, 2)", "round(2.5, 0)", "round(1234.5, -2)", "round(1250, -2)", "round(1350, -2)", "round(-1250, -2)", "round(15, -1)", "round(25, -1)", "round(5, -1)", "round(5, 2)", "round(0.15, 1)", "round(0.25, 1)", "round(0.35, 1)", "round(1e20)", "round(np.nan)", "round(np.inf)", "round(np.nan, 2)", "round(True)", "round('a')", "round(np.float64(2.5))", "round(np.float64(2.675), 2)", "round(np.float32(2.675), 2)", "round(np.int64(25), -1)", "round(-0.4)", "round(-0.04, 1)", "round(1e300, 2)", "round(123.456, 400)", "round(123.456, -400)", "round(0.1 + 0.2, 16)", "round(10**30 + 5, -1)",
    "abs(-5)", "abs(-5.5)", "abs(True)", "abs(-0.0)", "abs('a')", "abs(np.int64(-5))", "abs(np.float32(-0.1))", "abs(np.array([-1, 2]))", "abs(-10**30)", "abs([1])", "abs(np.float64(-1) < 0)",
]

FORMATS = [f"f'{{{v}:{s}}}'" for v in ["3.14159", "-2.5", "0.0", "1234567.891", "1e-7", "np.float32(0.1)", "42", "-7", "True", "10**20", "np.int64(5)", "1e22", "0.5", "2.5", "np.nan"] for s in [".2f", ".0f", "10.3f", "<8", ">8", "^9", "*^9", "+", "08.2f", ",", "e", ".3e", "g", ".3g", "%", ".1%", "_", "+.1f", " .1f", ".10g", "G", "#.0f", "0=+8", "n"]] + [
    f"f'{{{v}:{s}}}'" for v in ["42", "-7", "255", "True", "0", "10**20", "np.int64(5)"] for s in ["d", "x", "X", "b", "o", "#x", "#b", "05d", "<5d", "^7d", ",d", "_x", "+d", "c", ".2f", "s"]] + [
    f'f"{{{v}:{s}}}"' for v in ["'abc'", "'é'", "''"] for s in ["", "5", "<5", ">5", "^5", ".2", "*>6.1", "s", "05", "d", "=5", "+"]] + [
    "f'{1}{2}'", "f'a{1 + 1}b'", "f'{{}}'", "f'{{{1}}}'", "f'{\"x\"!r}'", "f'{\"é\"!a}'", "f'{1.5!s}'", "f'{[1, 2]}'", "f'{None}'", "f'{3.0:{4 + 4}.{1}f}'", "f'{\"a\":{\"*\"}^{5}}'", "f'{1 + 1=}'", "f'{ 3.0 = :.2f}'", "f'{\"x\"=}'", "'a' f'{1}' 'b'", "f'{source} {time:.0f}'", "f'{prediction[\"scores\"].data.max():.1%}'", "f'{prediction[\"counts\"].data}'", "f'{prediction[\"scores\"].data[0]}'", "rf'\\n{1}'", "f'\\n{1}\\t'", "f'''{1}'''", "f'{1:z.1f}'", "f'{-0.01:z.1f}'", "f'{(1, 2)}'", "f'{1, 2}'", "f'{[1]:5}'", "f'{None:5}'", "f'{1:q}'", "f'{1:5 5}'", "f'{np.array(5):3}'", "f'{np.array([1.5]):.1f}'", "f'{True}'", "f'{not True}'", "f'{1 == 1}'", "f'{1 != 2}'", "f'{\"a\" if 1 else \"b\"}'", "f'{[x for x in range(3)]}'", "f'{ {1: 2}[1] }'", "f'{1:<{3}}|'", "f'{np.float64(1e16)}'", "f'{np.float32(16777216.0)}'", "f'{np.float32(1e10)}'", "f'{np.float32(1e16)} {np.float32(3e38)} {np.float32(1e-5)}'", "f'{prediction[\"small\"].data[0]}'", "f'{1234.5678:010,.2f}'", "f'{1234:010,}'", "f'{-1234:,}'", "f'{0.000123456:.3g}'", "f'{123456.789:.3g}'", "f'{100000.0:g}'", "f'{1000000.0:g}'", "f'{1e100:.2f}'", "f'{0.1:.20f}'", "f'{0.125:.2f}'", "f'{0.375:.2f}'", "f'{2.5e-310:.3e}'", "f'{9.995:.2f}'", "f'{9.5:.0e}'", "f'{10.5:.0e}'", "f'{99.99:.3}'", "f'{1e5:.3}'", "f'{123.0:.3}'", "f'{12.0:.3}'", "f'{1.0:.1}'", "f'{np.inf:08.2f}'", "f'{-np.inf:+}'",
]

TEXT = [
    "'abc'.startswith('a')", "'abc'.startswith(('x', 'a'))", "'abc'.startswith('')", "'abc'.startswith(1)", "'abc'.endswith('bc')", "'abc'.endswith(())", "'ABC'.lower()", "'straße'.upper()", "'  a b '.strip()", "'xxaxx'.strip('x')", "'\\u2003a\\x1f'.strip()", "'abc'.strip('')", "'a b  c'.split()", "'a,b,,c'.split(',')", "''.split()", "''.split(',')", "' a b '.split(' ')", "'a b c'.split(None, 1)", "' a  b  c '.split(None, 1)", "' a  b  c '.split(None, 2)", "' a  b  c '.split(None, 3)", "'a  a  '.split(None, 1)", "'a,b,c'.split(',', 1)", "'a,b,c'.split(',', 0)", "'a b'.split('')", "'a--b--c'.split('--')", "'a b c'.split(maxsplit=1)", "'a,b'.split(sep=',')", "'a'.split(1)",
    "len('abc')", "len('é')", "len('😀a')", "'😀a'[0]", "'😀a'[1]", "'😀ab'[::-1]", "'abc'[0]", "'abc'[-1]", "'abc'[5]", "'abc'[1:]", "'abc'[:-1]", "'abcdef'[1:5:2]", "'abc'[::-1]", "'abc'[5:]", "'abc'['a']", "'abc'[1.0]", "'abc'[True]", "'a' + 'b'", "'ab' * 3", "3 * 'ab'", "'ab' * 0", "'ab' * -1", "'a' < 'b'", "'a' < 'A'", "'ab' < 'abc'", "'' < 'a'", "'😀' > '\\uffff'", "'a' == 'a'", "'a' == 1", "'a' != 1", "'1' == 1", "max('abc')", "min('b', 'a')", "sorted('cab')", "[c for c in 'a😀']", "'a\\tb\\\\\\'\\x41\\u0042\\101'", "r'a\\b'", "'''a\nb'''", "'a' 'b'", "\"it's\"", "u'x'", "'\\q'", "'a\\\nb'", "'%'", "str(1) + 'a'", "'abc'.shape", "'abc'.mean()", "5 .lower()" , "'a'.tolist()",
]

COLLECTIONS = [
    "[1, 2] + [3]", "(1,) + (2, 3)", "[1, 2] * 2", "2 * [1]", "(1,) * 3", "[] * 5", "[1, 2, 3][1]", "[1, 2, 3][-1]", "[1, 2, 3][3]", "[1, 2, 3][::2]", "[1, 2, 3][::-1]", "[1, 2, 3][-2:]", "[1, 2, 3][10:]", "[1, 2, 3][::0]", "[1, 2, 3]['a']", "[1, 2, 3][1.0]", "[1, 2, 3][None]", "[1, 2, 3][np.int64(1)]", "[1, 2, 3][1, 2]", "(1, 2, 3)[1:]", "(1, 2)[2]", "()", "(1,)", "1, 2", "[[1, 2], [3]][1][0]", "{1: 'a', 2: 'b'}[2]", "{1: 'a'}[3]", "{1: 'a'}[1.0]", "{1: 'a'}[True]", "{'a': 1}['b']", "{1: 2, 1.0: 3}", "{(1, 2): 3}[1, 2]", "{[1]: 2}", "{'a': 1}.get('a')", "{'a': 1}.get('b')", "{'a': 1}.get('b', 5)", "[x for x in {'a': 1, 'b': 2}]", "[x for x in {'a': 1}.values()]", "[k + str(v) for k, v in {'a': 1}.items()]", "[k for k in {'a': 1}.keys()]", "len({1: 2})", "{1, 2} == {2, 1}", "sorted({3, 1, 2})", "len({1, 1.0, True})", "{1, 2} & {2, 3}", "sorted({1, 2} | {2, 3})", "{1, 2} - {2, 3}", "sorted({1, 2} ^ {2, 3})", "{1} < {1, 2}", "{1, 2} <= {1, 2}", "{1} > {2}", "{[1]}", "1 in {1, 2}", "{1: 2} == {1: 2.0}", "{1: 2} == {1: 3}", "{1} == {1: 1}",
    "[1, 2] == [1, 2]", "[1, 2] == [1, 2.0]", "[1, 2] == (1, 2)", "[1, 2] < [1, 3]", "[1, 2] < [1, 2, 0]", "[2] > [1, 5]", "(1, 'a') < (1, 'b')", "(1, 'a') < (1, 2)", "[] < [1]", "[np.nan] == [np.nan]", "[None] < [None]", "[None] < [1]", "[1] < 1", "[[1]] == [[1]]",
    "[x * 2 for x in range(4)]", "[x for x in range(10) if x % 2 if x > 3]", "[(x, y) for x in range(2) for y in range(x + 1)]", "[[y for y in range(x)] for x in range(3)]", "{x: x * x for x in range(3)}", "sorted({x % 3 for x in range(10)})", "sum(x for x in range(5))", "[x for x, in [(1,), (2,)]]", "[a + b for a, b in [(1, 2), (3, 4)]]", "[a + b + c for a, (b, c) in [(1, (2, 3))]]", "[a for a, b in [(1,)]]", "[a for a, b in [(1, 2, 3)]]", "[a for a, b in [1]]", "[x for x in 5]", "[x for x in None]", "[i for i, x in enumerate('abc')]", "[i for i, x in enumerate('ab', 5)]", "[i for i, x in enumerate('ab', start=1)]", "[(a, b) for a, b in zip([1, 2], 'xyz')]", "[t for t in zip()]", "[t for t in zip([1], [2], [3])]", "[t for t in zip([1, 2], [1], strict=True)]", "[t for t in zip([1], [1, 2], strict=True)]", "[x for x in zip(range(3), (y * 2 for y in range(3)))]", "[t for t in zip((a + b for a in [1, 2] for b in [10, 20]), (a * b for a in [1, 2] for b in [10, 20]))]", "[[t for t in zip(g[0], g[1])] for g in [[(a * 10 + b for a in [1, 2] for b in [3, 4]) for _ in range(2)]]]",
    "len([])", "len((1, 2))", "len(5)", "len(None)", "len(x for x in [])", "len(range(0, 10, 3))", "len(range(10, 0))", "len(np.zeros((3, 2)))", "len(np.float64(1))", "len(np.array(1))", "range(3)", "range(5)[2]", "range(5)[-1]", "range(5)[1:3]", "range(5)[5]", "range(0)", "range(1, 2, 0)", "range(1.5)", "range('a')", "range(10, 0, -3) == range(10, 1, -3)", "[x for x in range(10, 0, -3)]", "[x for x in range(-3)]", "sum([])", "sum([1, 2.5])", "sum([[1], [2]], [])", "sum(['a'])", "sum([1], 5)", "sum([1], start=5)", "sum(5)", "sum([True, True])", "sum([0.1] * 10)", "sum([np.float32(1), 2])", "sum(np.array([[1, 2], [3, 4]]))", "sum({1: 2})", "min([])", "max([], default=5)", "min([], default=None)", "max(1, 2.0)", "max(2, 2.0)", "max(1, 'a')", "max([1, 3, 2], key=abs)", "max('a', 'bbb', key=len)", "min([3, -4], key=abs)", "max(5)", "max(None, 1)", "max([np.nan, 1])", "max([1, np.nan])", "min({'b': 1, 'a': 2})", "max([(1, 'a'), (1, 'b')])", "max([[1], [2]])", "max(np.array([1, 5, 2]))", "max(x for x in [1, 2])", "sorted([3, 1, 2])", "sorted([3, 1, 2], reverse=True)", "sorted(['bb', 'a', 'ccc'], key=len)", "sorted([(1, 'b'), (0, 'c'), (1, 'a')])", "sorted(['b', 'A', 'a'], key=str)", "sorted([1, 'a'])", "sorted([True, 0, 2.5])", "sorted([1, 1.0, True], reverse=True)", "sorted({'b': 1, 'a': 2})", "sorted(np.array([3, 1, 2]))", "sorted(5)", "sorted([[2], [1, 5]])", "sorted(['aa', 'b', 'cc', 'd'], key=len, reverse=True)", "any(x > 1 for x in [1, 2])", "all(x > 1 for x in [])", "abs(sum([-1, -2]))", "5[0]", "None[0]", "1.5[0]", "True[0]", "[].get(1)", "{}.mean()", "[1, 2].mean()", "[1].shape", "None.data", "prediction.data", "prediction['scores'].shape", "np.array([1]).class_label",
]

INDEXING = [P("grid") + k for k in ["[0]", "[-1]", "[3]", "[-4]", "[0, 0]", "[0][1]", "[0, -1]", "[:, 0]", "[:, 1:3]", "[1:]", "[::2]", "[::-1]", "[:, ::-1]", "[::-1, ::-2]", "[..., 0]", "[0, ...]", "[...]", "[..., 0, 0]", "[..., ...]", "[None]", "[:, None]", "[np.newaxis, 0]", "[0, None, 1:3]", "[0, 0, 0]", "[1:1]", "[5:]", "[:, 5:]", "[[0, 2]]", "[[0, 2], [1, 3]]", "[[-1]]", "[[3]]", "[:, [0, 0, 1]]", "[[0, 1], 1:3]", "[1:3, [0, 1]]", "[[[0, 1], [1, 0]]]", "[[0, 1], :, ]", "[0, [1, 2]]", "[[0, 1], 0]", "[[[0], [2]], [0, 1]]", "[[0, 1], [0, 1, 2]]", f"[{P('grid')} > 3]", f"[{P('grid')} > 100]", f"[{P('grid')}[:, 0] > 2]", f"[:, {P('grid')}[0] > 0]", f"[{P('grid')}[:, 0] > 2, 1]", f"[{P('grid')}[0] > 2]", "[[True, False, True]]", "[[True, False]]", "[[]]", "[1.0]", "['a']", "[(0, 1)]", "[0:2, 0:2]", "[np.array([0, 1])]", "[np.array([0.5])]", "[np.int64(1)]", "[np.array(1)]", "[-2:, -2:]", "[::0]", "[2:0:-1]", "[:1, :1]", f"[..., {P('grid')}[0] > 0]"]] + [
    P("cube") + k for k in ["[0]", "[1, 2]", "[1, 2, 1]", "[..., 1]", "[:, 0]", "[0, :, 1]", "[:, :, ::-1]", "[[0, 1], :, [0, 1]]", "[:, [0, 1], [0, 1]]", "[[1], [2]]", "[0, [0, 1]]", "[0, :, [0, 1]]", "[[0], ..., [1]]", "[None, ..., None]", "[1][2][0]", "[:, 1:, 0:1]", f"[{P('cube')} > 6]", f"[{P('cube')} % 2 == 0]", f"[[True, False]]", f"[:, [True, False, True]]", f"[[True, False], [0]]", "[0, 0, 0, 0]", "[np.array([[0, 1]])]"]] + [
    P("counts") + k for k in ["[2]", "[[0, 1]]", "[[True, False, True, False, True, False]]", "[-1:]", "[::-2]", "[4:1:-1]", "[6]", "[:0]", "[None, :]", "[[]]", "[(1,)]", "[1, 2]", "[np.argsort([3, 1, 2])]", "[-100:100]",]] + [
    P("names") + k for k in ["[0]", "[1:]", "[[2, 0]]", "[::-1]", f"[{P('names')} != 'dog']", "[5]"]] + [
    "np.float64(1)[0]", "np.array(5)[0]", "np.array(5)[...]", "np.array(5)[()]", P("none") + "[0]", P("none") + "[:]", P("none") + "[[]]", P("sigmoid") + "[0]", P("sigmoid") + "[0][0]", P("sigmoid") + "[0, 0] > 0.5",
    f"[row[0] for row in {P('grid')}]", f"[x for x in {P('counts')}]", f"[x for x in {P('names')}]", "[x for x in np.array(5)]", f"[r.shape for r in {P('cube')}]", f"[i for i, x in enumerate({P('counts')}) if x > 1]", f"len({P('grid')}[0])",
]

REDUCING = [f"np.{f}({P(a)}{k})" for f in ["sum", "mean", "min", "max", "std", "var", "prod", "median", "any", "all", "argmax", "argmin", "count_nonzero"] for a, k in [("grid", ""), ("grid", ", axis=0"), ("grid", ", axis=-1"), ("grid", ", axis=1, keepdims=True"), ("counts", ""), ("cube", ", axis=1"), ("holes", ""), ("none", ""), ("flags", ""), ("pixels", ""), ("pixels", ", axis=0"), ("scores", ""), ("small", ""), ("grid", ", axis=2"), ("sigmoid", ", axis=0"), ("grid", ", keepdims=True")]] + [
    f"np.{f}({P('cube')}, axis={x})" for f in ["sum", "max", "mean", "any", "median", "std"] for x in ["(0, 1)", "(0, 2)", "(-1, 0)", "(0, 0)", "()", "None", "(0, 1, 2)"]] + [
    f"np.{f}({a})" for f in ["sum", "mean", "max", "any", "median", "argmax"] for a in ["[]", "[1, 2]", "5", "[[1, 2], [3, 4]]", "2.5", "True", "np.zeros((0, 3)), axis=0", "np.zeros((0, 3)), axis=1", "np.zeros((3, 0)), axis=1", "range(5)", "(1, 2.5)"]] + [
    f"{P(a)}.{f}" for a in ["grid", "counts", "scores", "none"] for f in ["sum()", "mean()", "max()", "min(axis=0)", "std()", "var(ddof=1)", "prod()", "any()", "all()", "argmax()", "argmin()", "mean(-1)", "sum(axis=-1, keepdims=True)"]] + [
    "np.float64(3).sum()", "np.float64(3).mean()", "np.int64(3).max()", "np.float64(2.5).round()", "np.std([1, 2, 3, 4], ddof=1)", "np.var([5])", "np.var([5], ddof=1)", "np.sum([0.1] * 10)", "np.sum([-0.0])", "np.sum([-0.0, -0.0])", "np.argmax([1, 3, 3])", "np.argmax([1, np.nan, 3])", "np.argmin([np.nan, np.nan])", "np.min([np.nan, 1])", "np.max([np.inf, np.nan])", "np.any([np.nan])", "np.mean([True, False])", "np.median([1, 2])", "np.median([3, 1, 2])", "np.median([1, np.nan, 2])", "np.median([])", "np.mean([])", "np.max([])", "np.argmax([])", "np.count_nonzero([0, 1, np.nan])", "np.count_nonzero([[1, 0], [1, 1]], axis=0)", "np.sum(np.float32([0.1] * 100))", "np.sum(np.float32([0.1] * 1000))", "np.mean(np.float32([0.1] * 1000))", "np.std(np.float32([0.1, 0.2, 0.3]))", "np.sum(np.arange(1000) * 0.1)", "np.sum((np.arange(12) * 0.1).reshape(3, 4), axis=0)", "np.sum((np.arange(300) * 0.1).reshape(3, 100), axis=1)", "np.sum((np.arange(300) * 0.1).reshape(100, 3), axis=0)", "np.sum([[1, 2], [3]])", "np.sum(['a'])", "np.prod([10**9, 10**5])", "np.mean(np.array([1, 2], dtype='uint8'))", "np.all([])", "np.argmax([[1, 5], [7, 2]], axis=1)", "np.argmax([[1, 5], [7, 2]], axis=1, keepdims=True)", "np.percentile([1, 2, 3, 4], 50)", "np.percentile([1, 2, 3, 4], [25, 75])", "np.percentile([1, 2, 3, 4], 33)", "np.percentile([5], 99)", "np.percentile([1, np.nan], 50)", "np.percentile([1, 2], 101)", "np.percentile([1, 2], -1)", "np.percentile([1, 2], 0)", "np.percentile([1, 2], 100)", "np.quantile([1, 2, 3, 4], 0.25)", "np.quantile([1, 2], 1.5)", f"np.percentile({P('grid')}, 50, axis=0)", f"np.percentile({P('grid')}, [10, 90], axis=1)", f"np.percentile({P('grid')}, 50, axis=0, keepdims=True)", f"np.percentile({P('scores')}, 90)", f"np.quantile({P('scores')}, 0.9)", f"np.quantile({P('counts')}, [0, 0.5, 1])", "np.percentile([[1, 2], [3, 4]], 50)", "np.quantile([0.1, 0.7, 0.3], 0.37)",
]

ELEMENTWISE = [f"np.{f}({a})" for f in ["abs", "sqrt", "floor", "ceil", "sign", "isnan", "isfinite", "round", "nan_to_num"] for a in ["[1.5, -2.5, 0.0]", "[-1, 0, 4]", "2", "-2.5", "True", "[np.nan, np.inf, -np.inf]", "np.float32(2.25)", P("pixels"), P("scores"), "[]", "[[0.5, 1.5], [2.5, -0.5]]", P("flags"), "-0.0", "np.int64(9)", "'a'", "np.float32([0.5, -1.5, 1e30])"]] + [
    "np.round([0.5, 1.5, 2.5, -0.5])", "np.round(2.675, 2)", "np.round(1234.5, -2)", "np.round([1250, 1350], -2)", "np.round(0.285, 2)", "np.round([1.15, 1.25], 1)", "np.round(np.float32(2.675), 2)", "np.round(5)", "np.round([1, 2])", "np.clip([1, 5, 10], 2, 8)", "np.clip([1.5, np.nan], 0, 1)", "np.clip(5, 0, 3)", "np.clip([1, 2], None, 1)", "np.clip([1, 2], 2, None)", "np.clip([1, 5], [2, 2], 3)", f"np.clip({P('pixels')}, 5, 200)", f"np.clip({P('scores')}, 0.1, 0.5)", f"{P('grid')}.clip(0, 5)", f"{P('grid')}.clip(min=0)", f"{P('grid')}.clip(max=0)", "np.clip([1, 2], 1.5, 3)", "np.where([True, False], 1, 2)", "np.where([True, False], [1, 2], [3.5, 4])", "np.where(True, 1, 2)", f"np.where({P('grid')} > 3)", f"np.where({P('counts')} > 1)", f"np.where({P('counts')} > 100)[0]", f"np.where({P('counts')} > 1, {P('counts')}, 0)", f"np.where({P('grid')} > 0, 1, -1)", "np.where([1, 0], 'a', 'b')", "np.where([True], 1)", "np.where([True, False, True], [1, 2], 3)", "np.maximum([1, 5], [3, 2])", "np.maximum(1, 2.5)", "np.maximum([1, np.nan], 2)", "np.minimum([1, 5], 3)", "np.minimum([[1], [5]], [2, 3])", "np.maximum(np.float32([1.5]), 2)", "np.maximum([1, 2], [1, 2, 3])", "np.power(2, 3)", "np.power([1, 2, 3], 2)", "np.power([1, 2, 3], 0.5)", "np.power([4.0], -1)", "np.power([2], -1)", "np.power(2, -1)", "np.power(2.0, -1)", "np.power([-8.0], 0.5)", "np.nan_to_num([np.nan, np.inf], nan=5, posinf=1)", "np.nan_to_num(np.float32([np.nan, np.inf]))", "np.nan_to_num(np.nan)", "np.nan_to_num([1, 2])", "np.sign([-0.0, 0.0, np.nan])", "np.abs(np.array([-5, 5]))", "np.sqrt(-1)", "np.sqrt([4, 9])", "np.sqrt(np.array([4, 9], dtype='uint8'))", "np.sqrt(2)", "np.floor(-0.5)", "np.floor(3)", "np.ceil([1, 2])", "np.ceil(np.float64(1.2))", "np.isnan('a')", "np.isnan(5)", "np.isnan([1, 2])", "np.isfinite(np.inf)", "np.abs(-5)", "np.abs('a')",
]

ARITHMETIC = products(MIXED_NUMBERS, OPERATORS) + products(ARRAYS, OPERATORS) + [f"{u}{v}" for u in "-+~" for v in [P("counts"), P("flags"), P("pixels"), P("grid"), P("none"), "np.float64(2)", "np.int64(2)", "(np.float64(1) > 0)", P("names"), "[1]", "'a'", "None"]] + products([P("counts") + " > 0", P("counts"), P("flags"), "3", "True", P("pixels") + "[0, 0]"], []) + [f"({a}) {op} ({b})" for op in "&|^" for a, b in itertools.product([P("counts") + " > 0", P("counts"), "3", "True", P("flags"), "np.int64(5)", "2.0"], repeat=2)] + [
    f"{P('pixels')} + 10", f"{P('pixels')} * 2", f"{P('pixels')} - 5", f"{P('pixels')} + 300", f"{P('pixels')} + 2.5", f"{P('pixels')} / 2", f"{P('pixels')} // 3", f"{P('pixels')} ** 2", f"{P('pixels')} > 300", f"{P('pixels')} == 250", f"{P('pixels')} + {P('pixels')}", f"-{P('pixels')}", f"{P('pixels')} + np.int64(1)", f"{P('pixels')} << 1", f"{P('counts')} << 2", f"{P('counts')} >> 1", f"{P('scores')} + 1", f"{P('scores')} + 0.1", f"{P('scores')} + np.float64(0.1)", f"{P('scores')} > 0.7", f"{P('scores')} == 0.7", f"{P('scores')} + {P('grid')}[0, 0]", f"{P('scores')} * {P('counts')}[0]", f"{P('scores')} * {P('label')}", f"{P('small')} * 0.1", f"{P('small')} + {P('scores')}[0, 0]", f"{P('grid')} + {P('grid')}[0]", f"{P('grid')} + {P('grid')}[:, 0]", f"{P('grid')} + {P('grid')}[:, :1]", f"{P('grid')} * {P('cube')}", f"{P('names')} == 'dog'", f"{P('names')} != {P('names')}[0]", f"{P('names')} < 'cow'", f"{P('names')} * 2", f"{P('names')} == 5", f"{P('names')} < 5", f"{P('grid')} == 'a'", f"{P('grid')} == None", f"{P('grid')} != None", f"{P('grid')} < None", f"{P('grid')} + None", f"{P('grid')} + 'a'", f"{P('grid')} + {{}}", f"{P('grid')} == []", f"{P('grid')} + []", f"{P('counts')} + [1]", f"{P('counts')} + (1, 2)", f"[1, 2, 3] * {P('counts')}[1]", f"{P('counts')}[1] * [1, 2]", f"[1, 2] + {P('counts')}[:2]", "[0.5] * np.float64(2)", "'a' * np.int64(2)", "np.float64(1) + 'a'", "np.float64(1) + None", "np.float64(1) == None", "np.float64(1) == 'a'", "np.float64(1) != None", "np.float64(1) < 'a'", "np.float64(1) == [1, 2]", "np.int64(2) * (1, 2)", "np.float32(0.1) == 0.1", "np.float32(0.1) == np.float64(0.1)", "np.float32(0.1) + 0.2", "np.float32(0.1) + np.float64(0.2)", "np.float32(0.1) + 1", "np.float32(16777216) + 1", "np.int64(5) + 2.5", "np.int64(5) / 2", "np.int64(7) // 2", "np.int64(-7) // 2", "np.int64(-7) % 3", "np.float64(7) // 2", "2 - np.array([1, 2])", "2 ** np.array([1, 2])", "2.0 ** np.array([1, 2])", "np.array([1, 2]) ** -1", "np.array([1.0, 2]) ** -1", "np.array([True, False]) - np.array([True, True])", "np.array([True]) + True", "np.array([True]) + 1", "True - np.array([True])", "np.array([1, 0]) / 0", "np.array([1, 0]) // 0", "np.array([1, 0]) % 0", "np.array([1.0, 0, -1]) / 0", "np.array([7.5, -7.5]) // 2", "np.array([7.5, -7.5]) % -2", "np.array([-0.0]) % 5", "np.array([5.0]) % np.inf", "np.array([np.inf]) // 1", "np.array([1, 2]) == np.array([1, 2, 3])", "np.array([1, 2]) < np.array([1, 2, 3])", "np.array([1, 2]) == [1, 3]", "np.array([]) + 1", "np.array([]) == []", "np.array([[1], [2]]) + np.array([10, 20])", "np.array(5) + 1", "np.array(5) + np.array(6)", "np.array([1]) + np.float32(1)", "np.ones((2, 3)) + np.ones((3, 2))", "np.ones((2, 0)) + np.ones((1, 0))", "np.ones((2, 0)) + np.ones((2, 1))", "np.array([1, 2]) @ np.array([3, 4])", "[[1, 2], [3, 4]] @ np.array([1, 1])", "1 @ 2", "np.array(1) @ np.array(2)", "10**20 + np.int64(1)", "np.array([1]) + 10**20", "np.array([1.0]) + 10**20", "np.array([1]) < 10**20", "np.array([1]) == 10**20",
]

SHAPING = [f"{P('cube')}.{f}" for f in ["shape", "ndim", "size", "T", "flatten()", "ravel()", "reshape(4, 3)", "reshape((4, 3))", "reshape(-1)", "reshape(-1, 2)", "reshape(3, -1)", "reshape(5, -1)", "reshape(-1, -1)", "reshape(7)", "reshape(2, 2, 3)", "reshape([12])", "transpose()", "transpose(1, 0, 2)", "transpose((2, 0, 1))", "transpose(0, 0, 1)", "transpose(0, 1)", "transpose(None)", "T.shape", "squeeze()", "tolist()", "item(0)", "item(-1)", "item(1, 2, 0)", "item(100)", "item()", "item(0, 0)", "astype(float)", "astype('float32')", "astype(np.float32)", "astype(bool)", "astype('nonsense')", "astype(int)"]] + [
    f"{P('sigmoid')}.{f}" for f in ["squeeze()", "squeeze(axis=0)", "squeeze(0)", "squeeze().shape", "item()", "tolist()", "flatten()", "ravel()[0]", "size", "squeeze() > 0.5", "squeeze(axis=(0, 1))", "T"]] + [
    f"{P('grid')}.{f}" for f in ["astype(int)", "astype(np.int64)", "T", "T[0]", "squeeze(axis=0)", "squeeze(axis=5)", "reshape(2, 6)[1]", "shape[0]", "shape == (3, 4)", "flatten()[:3]", "size", "ndim"]] + [
    "np.squeeze([[1], [2]])", "np.squeeze([[[5]]])", "np.squeeze([1, 2], axis=0)", "np.ravel([[1, 2], [3, 4]])", "np.ravel(5)", "np.reshape([1, 2, 3, 4], (2, 2))", "np.reshape([1, 2, 3, 4], -1)", "np.reshape([1, 2, 3], (2, 2))", "np.transpose([[1, 2], [3, 4]])", "np.transpose([[1, 2, 3]])", "np.transpose(np.zeros((2, 3, 4)), (2, 0, 1)).shape", "np.transpose([1, 2])", "np.concatenate([[1, 2], [3]])", "np.concatenate([[1], [2.5]])", "np.concatenate([[[1, 2]], [[3, 4]]])", "np.concatenate([[[1, 2]], [[3, 4]]], axis=1)", "np.concatenate([[[1, 2]], [[3, 4]]], axis=-1)", "np.concatenate([[[1, 2]], [[3, 4]]], axis=None)", "np.concatenate(([1], [2]))", "np.concatenate([])", "np.concatenate([[1], [[2]]])", "np.concatenate([[[1, 2]], [[3]]])", "np.concatenate([1, 2])", "np.concatenate([[1]], axis=1)", "np.concatenate([[], [1]])", f"np.concatenate([{P('scores')}[0], [0.5]])", f"np.concatenate([{P('pixels')}, {P('pixels')}], axis=1)", "np.concatenate([['a'], ['bb']])", "np.stack([[1, 2], [3, 4]])", "np.stack([[1, 2], [3, 4]], axis=1)", "np.stack([[1, 2], [3, 4]], axis=-1)", "np.stack([1, 2])", "np.stack([[1], [2, 3]])", "np.stack([])", "np.stack([[1]], axis=3)", "np.array([1, 2, 3]).T", "np.float64(2.5).shape", "np.float64(2.5).ndim", "np.float64(2.5).size", "np.float64(2.5).item()", "np.float64(2.5).tolist()", "np.float64(2.5).astype(int)", "np.int64(3).astype(float)", "np.float64(2.5).T", "np.float64(2.5).flatten()", "np.float64(2.5).reshape(1, 1)", "np.zeros((2, 0)).T.shape", "np.zeros((2, 0)).reshape(0, 5).shape", "np.zeros((2, 0)).reshape(-1).shape", "np.zeros((0,)).tolist()", "np.zeros((2, 0)).tolist()", "np.array(5).tolist()", "np.array([1.5, -1.5]).astype(int)", "np.array(['1', '2']).astype(int)", "np.array(['1.5']).astype(float)", "np.array(['x']).astype(float)", "np.array([0, 2]).astype(bool)", "np.array([True]).astype(int)", "np.array([1, 300]).astype('uint8')", "np.array([1e10]).astype('float16')",
]

MAKING = [
    "np.array([1, 2])", "np.array([1, 2.5])", "np.array([True, False])", "np.array([True, 2])", "np.array([True, 2.5])", "np.array([])", "np.array([[]])", "np.array([[1, 2], [3, 4]])", "np.array([[1, 2], [3]])", "np.array([1, [2]])", "np.array(5)", "np.array(2.5)", "np.array('a')", "np.array(['a', 'bb'])", "np.array((1, 2))", "np.array(range(3))", "np.array([(1, 2), [3, 4]])", "np.array([1, 2], dtype=float)", "np.array([1.7, 2], dtype=int)", "np.array([1, 2], dtype=np.float32)", "np.array([1, 2], dtype='float32')", "np.array([0, 1], dtype=bool)", "np.array([1], dtype='x')", "np.array([np.float32(1), np.float32(2)])", "np.array([np.float32(1), 2])", "np.array([np.float32(1), 2.0])", "np.array([np.int64(1), 2.5])", "np.array([np.array([1, 2]), np.array([3, 4])])", "np.array([np.array([1, 2]), [3, 4]])", "np.array([np.array([1, 2]), [3]])", "np.array([np.nan, 1])", f"np.array({P('grid')})", "np.array([10**15])", "np.array([0.1, 0.2], dtype=np.float32)", "np.array([1, 2]).shape", "np.array([[[1]]]).shape",
    "np.zeros(3)", "np.zeros((2, 2))", "np.zeros([2])", "np.zeros(0)", "np.zeros((2, 0))", "np.zeros(2, dtype=int)", "np.zeros(2, dtype=bool)", "np.zeros(-1)", "np.zeros(2.5)", "np.zeros('a')", "np.zeros(())", "np.ones(3)", "np.ones((1, 2), dtype=np.float32)", "np.ones(2, int)", "np.ones(np.int64(2))", "np.arange(5)", "np.arange(2, 5)", "np.arange(0, 1, 0.25)", "np.arange(5, 0, -2)", "np.arange(3.5)", "np.arange(0)", "np.arange(5, 2)", "np.arange(1, 2, 0)", "np.arange(3, dtype=float)", "np.arange(1, 2, 0.3)", "np.arange(0.5, 3)", "np.arange('a')", "np.linspace(0, 1, 5)", "np.linspace(0, 1, 5, endpoint=False)", "np.linspace(0, 1, 1)", "np.linspace(0, 1, 0)", "np.linspace(1, 1, 3)", "np.linspace(5, 0, 3)", "np.linspace(0, 10, 4, dtype=int)", "np.linspace(0, 1).shape", "np.linspace(0, 1, -1)", "np.linspace(0, 1, num=3)", "np.linspace(-1, 1, 7)", "np.float32(0.1)", "np.float64(0.1)", "np.int64(3.9)", "np.int64(-3.9)", "np.int64('5')", "np.float32(1e40)", "np.float32([0.1, 0.2])", "np.float64([1, 2])", "np.float64('1.5')", "np.float64('x')", "np.int64(True)", "np.float64(True)", "np.int64([1.5, 2.5])", "np.float32()", "np.float64(np.float32(0.1))", "np.float32(np.float64(0.1))", "np.int64(np.nan)", "np.pi", "np.e", "np.inf", "-np.inf", "np.nan", "np.newaxis is None", "np.float32(16777217)", "np.float64(10**20)",
]

ORDERING = [f"np.{f}({a})" for f in ["sort", "argsort", "cumsum", "diff"] for a in [P("counts"), P("grid"), P("grid") + ", axis=0", P("grid") + ", axis=-1", P("holes"), P("none"), P("scores"), P("flags"), P("pixels"), P("pixels") + ", axis=0", "[3, 1, 2]", "[2.5, -1.0, np.nan, -np.inf]", "[[3, 1], [0, 2]]", "5", P("cube") + ", axis=1", P("grid") + ", axis=5", "[1, 1, 1]"]] + [
    f"np.sort({P('names')})", f"np.argsort({P('names')})", "np.sort([[3, 1], [0, 2]], axis=None)", "np.argsort([[3, 1], [0, 2]], axis=None)", "np.sort([3, 1, 2])[::-1]", "np.argsort([0.1, 0.7, 0.2])[-1]", "np.argsort([0.1, 0.7, 0.2])[::-1][:2]", f"{P('counts')}.argsort()", f"{P('grid')}.cumsum()", f"{P('grid')}.cumsum(axis=0)", "np.cumsum([0.1] * 5)", "np.cumsum(np.float32([0.1] * 5))", "np.cumsum([True, True])", "np.diff([1, 4, 9], n=2)", "np.diff([1, 4], n=5)", "np.diff([1, 2], n=-1)", "np.diff([True, False, False])", "np.diff([1.5, 2.25])", "np.diff([5])", "np.diff([])", "np.diff([[1, 3], [6, 10]])", "np.diff([[1, 3], [6, 10]], axis=0)", "np.sort(['b', 'a'])",
]

LINEAR = [
    "np.dot([1, 2], [3, 4])", "np.dot(2, 3)", "np.dot(2, [1, 2])", "np.dot([[1, 2], [3, 4]], [5, 6])", "np.dot([[1, 2], [3, 4]], [[5, 6], [7, 8]])", "np.dot([1, 2], [[5, 6], [7, 8]])", "np.dot([1, 2], [1, 2, 3])", "np.dot([], [])", "np.dot([1.5], [2])", "np.dot(np.ones((2, 3, 4)), np.ones((5, 4, 6))).shape", "np.dot(np.arange(8).reshape(2, 2, 2), [1, 2])", "np.dot(np.arange(8).reshape(2, 2, 2), np.arange(8).reshape(2, 2, 2))", "np.dot(np.float32([0.5]), np.float32([0.5]))", "np.dot([True], [True])", "np.dot([True], [5])", "np.matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]])", "np.matmul([1, 2], [3, 4])", "np.matmul(2, [1])", "np.matmul(np.ones((2, 1, 3)), np.ones((3, 2))).shape", "np.matmul(np.ones((2, 1, 3)), np.ones((2, 3, 2)))", "np.matmul(np.arange(4).reshape(2, 2), [1, 1])", "np.matmul([1, 1], np.arange(4).reshape(2, 2))", "np.matmul(np.ones((2, 3)), np.ones((2, 3)))", "np.matmul(np.ones((2, 2, 3)), np.ones((3, 3, 2)))", "np.zeros((2, 0)) @ np.zeros((0, 3))", "np.array([[1, 2]]) @ np.array([[3], [4]])", f"{P('counts')}.dot({P('counts')})", f"{P('grid')} @ {P('grid')}.T", "np.linalg.norm([3, 4])", "np.linalg.norm([3, 4], 1)", "np.linalg.norm([3, -4], np.inf)", "np.linalg.norm([3, -4], -np.inf)", "np.linalg.norm([3, 0], 0)", "np.linalg.norm([3, 4], ord=3)", "np.linalg.norm([[1, 2], [3, 4]])", "np.linalg.norm([[1, 2], [3, 4]], axis=1)", "np.linalg.norm([[1, 2], [3, 4]], axis=0, keepdims=True)", "np.linalg.norm([[1, 2], [3, 4]], 'fro')", "np.linalg.norm([[1, -2], [3, 4]], 1)", "np.linalg.norm([[1, -2], [3, 4]], np.inf)", "np.linalg.norm([[1, -2], [3, 4]], -1)", "np.linalg.norm([[1, -2], [3, 4]], -np.inf)", "np.linalg.norm([])", "np.linalg.norm([1, 2], axis=1)", "np.linalg.norm(5)", f"np.linalg.norm({P('scores')})", f"np.linalg.norm({P('grid')}, axis=-1)", "np.linalg.norm([1, 2], 'x')", "np.linalg.norm(np.ones((2, 2, 2)))", "np.linalg.norm(np.ones((2, 2, 2)), 1)", "np.linalg.norm(np.ones((2, 2, 2)), axis=(0, 1))", "np.linalg.norm([np.nan, 1])", "np.linalg.norm([1, 2], keepdims=True)",
]

PRINTING = [f"str({a})" for a in ["np.array([1.0, 2.5])", "np.array([1, 100])", "np.array([-1.5, 22.25])", "np.array([1e10, 1.5])", "np.array([1e-5, 1.0])", "np.array([np.nan, 1.0])", "np.array([np.inf, -1.5, 2])", "np.array([0.1, 0.123456789])", "np.array([1/3, 2/3])", "np.array([True, False])", "np.array(['a', 'bb'])", "np.array([])", "np.zeros((2, 3))", "np.array([[1.5, -2], [3, 4]])", "np.arange(30)", "np.arange(100)", "np.arange(1001)", "np.arange(2000).reshape(2, 1000)", "np.linspace(0, 1, 20)", "np.float32([0.1, 0.2])", "np.zeros((2, 2, 2))", "np.array(5)", "np.array(2.5)", "np.array([[True]])", "np.array([1e300, 1e-300])", "np.array([1e8, 1.0])", "np.array([99999999.0, 1.0])", "np.array([1000.5, 1.0])", "np.array([1001.0, 1.0])", "np.array([0.0001, 0.1])", "np.array([0.00001])", "np.array([123456.789])", "np.array([1.0])", "np.array([-0.0])", "np.float32([1e10, 1])", "np.array([0.5, np.nan, -np.inf])", "np.zeros((1001, 2))", "np.arange(1200).reshape(20, 60)", "np.array([1e16])", "np.array([12345678901234.5])", "np.array([1e-100, 1])"]] + [
    "np.array([1.0, 2.5])", "np.array([[1, 2], [3, 4]])", "np.arange(40)", "np.zeros((0, 3))", "np.float32([0.1])", "np.array(['a'])", "np.array(['a', 'bbb'])", "[np.array([1, 2])]", "(np.array([1.5]),)", "np.linspace(0, 1, 30)", "np.array(5)", "np.array(2.5)", "np.array('a')", "np.zeros((2, 2, 2))", "np.array([1, 2], dtype='uint8')", "np.arange(1001)", "np.float32(np.arange(1001))", "np.zeros((1001, 2))",
]

APPROXIMATE = [f"np.{f}({a})" for f in ["exp", "log", "log1p"] for a in ["[0.5, 1.5, 2.0]", "0", "1", "-1", "[np.nan, np.inf, -np.inf]", P("scores"), "np.float32(0.3)", P("pixels"), "[]", "1000", P("flags"), "'a'", P("counts")]] + [
    f"{P('scores')} ** 2.5", f"{P('grid')} ** 0.5", "np.float32(1.1) ** 3", "1.1 ** 2.7", "np.exp(-np.array([1.0, 2.0])) / np.sum(np.exp(-np.array([1.0, 2.0])))", f"np.exp({P('scores')}) / np.exp({P('scores')}).sum()", f"np.log({P('scores')} + 1e-7).mean()", f"-np.sum({P('scores')} * np.log({P('scores')} + 1e-9))", "np.std(np.arange(1000) * 0.37)", "np.var(np.float32(np.arange(500)) / 7)", "np.percentile(np.arange(101) ** 1.5, [1, 50, 99])", "np.prod(np.arange(1, 15) * 0.9)", "np.matmul(np.linspace(0, 1, 12).reshape(3, 4), np.linspace(1, 2, 8).reshape(4, 2))", "np.dot(np.linspace(0, 1, 100), np.linspace(1, 2, 100))", "np.float32(np.linspace(0, 1, 50)) @ np.float32(np.linspace(1, 2, 50))",
]

ATOMS = ["0", "1", "2", "3", "7", "2.5", "0.5", "5.", "True", "False", "None", "'a'", "'b'", "[1, 2]", "(1,)", "''", "np.float64(1.5)", "np.int64(3)", "np.array([1, 2])", "np.array([0.5])"]


def random_rule(depth, pick):
    """An expression of random operators, for their precedence."""
    if depth <= 0:
        return pick.choice(ATOMS)
    part = lambda: random_rule(depth - 1 - pick.randint(0, 1), pick)
    shapes = [
        lambda: f"{part()} {pick.choice(['and', 'or'])} {part()}",
        lambda: f"not {part()}",
        lambda: f"{part()} {pick.choice(['<', '<=', '==', '!=', '>', '>=', 'in', 'not in'])} {part()}",
        lambda: f"{part()} {pick.choice(['+', '-', '*', '/', '//', '**', '&', '|', '^'])} {part()}",
        lambda: f"{pick.choice('-+~')}{part()}",
        lambda: f"{part()} if {part()} else {part()}",
        lambda: f"({part()})",
        lambda: f"any({part()} for y in [1, 2] if {part()})",
    ]
    return pick.choice(shapes)()


def random_rules(count):
    pick = random.Random(7)
    rules = (random_rule(pick.randint(2, 4), pick) for _ in itertools.count())
    return list(itertools.islice((rule for rule in rules if len(rule) < 100 and parses(rule)), count))


def parses(rule):
    try:
        compile(rule, "", "eval")
    except SyntaxError:
        return False
    return True


TABLES = {
    "original": ORIGINAL, "truth": TRUTH, "numbers": NUMBERS, "converting": CONVERTING, "formats": FORMATS, "text": TEXT, "collections": COLLECTIONS,
    "indexing": INDEXING, "reducing": REDUCING, "elementwise": ELEMENTWISE, "arithmetic": ARITHMETIC, "shaping": SHAPING, "making": MAKING, "ordering": ORDERING,
    "linear": LINEAR, "printing": PRINTING, "random": random_rules(500),
}

if __name__ == "__main__":
    (HERE / "inputs.json").write_text(json.dumps(INPUTS, indent=1) + "\n")
    for name, rules in TABLES.items():
        write(name, rules)
    write("approximate", APPROXIMATE, approximate)
