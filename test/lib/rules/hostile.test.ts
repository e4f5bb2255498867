import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { compileRule } from '#lib/rules/compile.ts';

const inputs = { prediction: { x: { data: [1, 2, 3], class_label: 'a', probability: 0.5 } }, source: 's', time: 0 };

function thrownBy(action: () => unknown): BoxError {
  try {
    action();
  } catch (thrown) {
    assert.ok(thrown instanceof BoxError, `threw ${String(thrown)}`);
    return thrown;
  }
  throw new Error('nothing was thrown');
}

describe('hostile rules: lists of nothing, wide tuples and long prints', () => {
  for (const source of [
    'np.zeros((1000000000, 0)).tolist()',
    'np.zeros((1000000000, 0)).sum(axis=1)',
    'np.zeros((0,)).reshape((1000000000, 0))',
    'any(p.data.tolist() == 1 for p in prediction)',
    `sorted(zip(${new Array(1000).fill('range(900000)').join(',')}))`,
    `str(np.zeros((${'2,'.repeat(23)})))`,
  ]) {
    it(`take no memory beyond the budget: ${source.slice(0, 60)}`, () => {
      const data = { dtype: 'float32', shape: [1_000_000, 2_000_000, 0], data: new Float32Array(0) };
      const { message } = thrownBy(() => compileRule(source).compute({ prediction: { x: { data } } }));
      assert.match(message, /BudgetError/);
    });
  }

  for (const source of [
    'sum(len(f"{1e308:.9000f}") for i in range(1700))',
    'sum(1 for x in [3**10000] for i in range(200000) if x // 7 > 0)',
    'len({t for i in range(200000) for t in [(1,)*9000]})',
  ]) {
    it(`count what takes long: ${source}`, () => {
      assert.match(thrownBy(() => compileRule(source).compute(inputs)).message, /BudgetError/);
    });
  }

  it('numbers of thousands of digits are written as Python writes them: not at all', () => {
    assert.match(
      thrownBy(() => compileRule('f"{2**16000:,}"').compute(inputs)).message,
      /ValueError: Exceeds the limit/,
    );
    assert.equal(
      compileRule('f"{1234567:,} {0xabcdef0:_x} {-12345.678:,.2f} {123:,}"').compute(inputs).value,
      '1,234,567 abc_def0 -12,345.68 123',
    );
  });
});

describe('hostile rules: refused when they are compiled', () => {
  const refused = [
    '__import__("os").system("true")',
    '().__class__.__bases__[0].__subclasses__()',
    "''.__class__.__mro__",
    'prediction.__class__',
    'prediction.constructor',
    'prediction.toString()',
    'np.__builtins__',
    'np.os.system("true")',
    'np.load("x")',
    'np.fromfile("/etc/passwd")',
    'np.lib.npyio',
    'np.linalg',
    'np',
    'np()',
    'np.mean.__globals__',
    'np.array([1]).__class__',
    'np.array([1]).tofile("x")',
    'np.array([1]).ctypes',
    'eval("1")',
    'exec("1")',
    'open("/etc/passwd")',
    'globals()',
    'getattr(1, "x")',
    'setattr(np, "x", 1)',
    'type(1)',
    'vars()',
    'dir()',
    'print(1)',
    'input()',
    'compile("1", "", "eval")',
    'constructor',
    'toString',
    '__proto__',
    'hasOwnProperty("x")',
    'process.env',
    'globalThis',
    'require("fs")',
    'lambda: 1',
    '(lambda x: x)(1)',
    '(x := 1)',
    'len(x := [1])',
    'await x',
    '(yield 1)',
    '(yield from [])',
    'len(*[[1]])',
    'max(**{"a": 1})',
    '[*[1]]',
    '{**{}}',
    '{*[1]}',
    '*prediction, 1',
    'a = 1',
    'import os',
    'del prediction',
    'assert True',
    '1; 2',
    '1\n2',
    'if True: 1',
    'def f(): pass',
    'class A: pass',
    'for x in []: pass',
    'while True: pass',
    '@len',
    'global x',
    '[x async for x in []]',
    '[y for x.y in [1]]',
    '[y for x[0] in [1]]',
    '[__x for __x in [1]]',
    '[0 for (x, *y) in [[1, 2]]]',
    "f'{().__class__}'",
    "f'{__import__}'",
    "f'{prediction:{__import__}}'",
    "f'{1!r:{().__class__}}'",
    "'{0.__class__}'.format(1)",
    "'%s'.__mod__(1)",
    "'a'.join([])",
    "'a'.encode()",
    'prediction.items',
    'len.__call__',
    'len(prediction)(1)',
    '[1](0)',
    '"a"()',
    '1 is 2',
    '5j',
    "b'x'",
    "'\\N{DASH}'",
    '0777',
    '1__0',
    'a <> b',
    'a == not b',
    '`1`',
    '1 && 2',
    '1 || 2',
    '!1',
    '1 ? 2 : 3',
    'x => x',
    '',
    '   \n ',
    '# only a comment',
    '(',
    ')',
    '[1, 2',
    "'open",
    'f"{"',
    "f'{}'",
    "f'}'",
    '\u0000',
    '\ud800',
    'prediction[]',
    'prediction[',
    '1 +',
    'not',
    'if',
    'None = 1',
    'x'.repeat(30_000),
    `${'('.repeat(5000)}1${')'.repeat(5000)}`,
    `${'['.repeat(9000)}${']'.repeat(9000)}`,
    `${'-'.repeat(15_000)}1`,
    `${'not '.repeat(4000)}1`,
    `1${'+1'.repeat(9000)}`,
    `source${'.lower()'.repeat(2000)}`,
    `source${'[0]'.repeat(5000)}`,
    `${'1 if 1 else '.repeat(1500)}1`,
    `${'[x for x in '.repeat(1000)}[]${']'.repeat(1000)}`,
    `1${'0'.repeat(10_000)}`,
    `${'1_'.repeat(9000)}_`,
    'np.nosuch(1).nosuch',
    'np.mean()',
    'np.mean(1, 2, 3, 4)',
    'np.mean(1, out=2)',
    'np.mean(1, axis=0, axis=1)',
    'np.zeros(3, order="C")',
    'np.sum(1, where=True)',
    'sorted([1], cmp=len)',
  ];
  for (const source of refused) {
    const title = source.length > 60 ? `${source.slice(0, 30)}… (${source.length} characters)` : JSON.stringify(source);
    it(`${title}, with its place`, () => {
      const error = thrownBy(() => compileRule(source));
      assert.equal(error.code, 'invalid_argument');
      assert.ok(Number(error.facts.line) >= 1 && Number(error.facts.column) >= 1, JSON.stringify(error.facts));
      assert.ok(error.message.length < 400, error.message);
    });
  }
});

describe('hostile rules: stopped by the budget when they are evaluated', () => {
  const stopped = [
    'np.zeros(10**9)',
    'np.ones((10**5, 10**5))',
    'np.zeros((0, 10**400))',
    'np.arange(10**12)',
    'np.linspace(0, 1, 10**10)',
    "'a' * 10**9",
    '10**9 * "ab"',
    '[0] * 10**9',
    '(0,) * 10**10',
    '10**10**10',
    '2**100000',
    '1 << 10**9',
    '(1 << 16000) ** 2',
    'range(10**12)',
    'sum(range(10**7))',
    '[x for x in range(10**7)]',
    '{x: x for x in range(10**7)}',
    'any(x < 0 for x in range(10**7))',
    'len([0 for a in range(10**4) for b in range(10**4)])',
    'sum(a * b * c for a in range(1000) for b in range(1000) for c in range(1000))',
    '[[[0 for a in range(1000)] for b in range(1000)] for c in range(1000)]',
    "str([['a' * 10**6] * 1000] * 1000)",
    "f'{[[[0] * 1000] * 1000] * 1000}'",
    "f'{[[[0] * 1000] * 1000] * 1000!r}'",
    "f'{1:1000000000}'",
    "f'{1:>{10**9}}'",
    "f'{1.5:.100000000f}'",
    '[[[0] * 1000] * 1000] * 1000 == [[[0] * 1000] * 1000] * 1000 + [0] * 0 and 1',
    'np.array([[[0] * 1000] * 1000] * 1000)',
    'sum([[0] * 10000] * 10000, [])',
    'np.matmul(np.ones((2000, 2000)), np.ones((2000, 2000)))',
    'np.ones((4000, 1)) + np.ones((1, 5000))',
    'np.ones((1000, 1000))[np.zeros((1000, 1000)).astype(int)]',
    'np.concatenate([np.ones(10**6)] * 100)',
    'np.stack([np.ones(10**6)] * 100)',
    'np.percentile(np.ones(10**6), [1] * 1000)',
    'np.sort(np.ones(10**7))',
    '{((((0,) * 100,) * 100,) * 100,) * 100}',
    '{((0,) * 10**5,) * 100: 1}',
    'sorted([[0] * 1000] * 10**4)',
    'max([[0] * 10**4] * 10**4)',
    "[s.upper() for s in ['a' * 10**5] * 10**4]",
    "[s + s for s in ['a' * 10**6] * 100]",
    "'a' * 10**6 in ['a' * (10**6 - 1) + 'b'] * 10**5",
    "[len(s) for s in ['a' * 10**6] * 10**4]",
    "[s < 'b' for s in ['a' * 10**6] * 10**4]",
    'sum(x for g in [(y for y in range(10**4)) for _ in range(10**4)] for x in g)',
    'len([t for t in zip(range(10**7), range(10**7))])',
    'len([t for t in enumerate(range(10**7))])',
  ];
  for (const source of stopped) {
    it(source, () => {
      const rule = compileRule(source);
      const error = thrownBy(() => rule.compute(inputs));
      assert.equal(error.code, 'unprocessable');
      assert.equal(error.facts.error, 'BudgetError', error.message);
    });
  }
});

describe('hostile rules: an error of the rule and nothing else', () => {
  const failing = [
    'prediction["__proto__"]',
    'prediction["constructor"]',
    '{}["__proto__"]',
    'np.reshape([1], (1,) * 10**5)',
    'np.array([1])[(None,) * 10**5]',
    'np.sum([1], axis=(0,) * 10**6)',
    'np.array([1]).reshape(10**400)',
    'float("1" * 10**6 + "x")',
    'int("9" * 10**5)',
    "f'{1:{[1]}}'",
    "f'{prediction:.2f}'",
    'str(10**4500)',
    '[1][10**400]',
    "'a'[10**30]",
    'np.zeros(3)[10**30]',
    'np.array([prediction])',
    'prediction + 1',
    'prediction["x"] + 1',
    'prediction["x"] < prediction["x"]',
    'sorted([prediction["x"], prediction["x"]])',
    'len(len)',
    'len + 1',
    'sum([len, abs])',
    'np.mean(prediction)',
    'np.mean(np.mean)',
    'max(prediction, prediction)',
    'np.float64(1).data',
  ];
  for (const source of failing) {
    it(source, () => {
      const rule = compileRule(source);
      const error = thrownBy(() => rule.compute(inputs));
      assert.equal(error.code, 'unprocessable', error.message);
      assert.ok(error.message.length < 500, error.message.slice(0, 1000));
    });
  }
});
