import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { compileRule } from '#lib/rules/compile.ts';
import type { RuleInputs } from '#lib/rules/inputs/rule-scope.ts';
import { toJson } from '#lib/rules/to-json.ts';

const inputs: RuleInputs = {
  prediction: {
    'main_output/Sigmoid:0': { data: { dtype: 'float32', shape: [1, 1], data: new Float32Array([0.7]) } },
    boxes: { data: [[0.1, 0.2, 0.3, 0.4]], class_label: 'person', probability: 0.8 },
    output_label: { data: [1] },
    output_probability: { data: [{ 0: 0.1, 1: 0.9 }] },
  },
  source: 'door',
  time: 1_700_000_000.5,
  features: { temperature: [21.5] },
};

function isTrue(source: string): boolean {
  return compileRule(source).evaluate(inputs).truthy;
}

describe('compileRule: the shapes of the original rules', () => {
  const trueRules = [
    "any(p.class_label == 'person' for p in prediction)",
    "any(p.class_label == 'person' and p.probability > 0.5 for p in prediction)",
    "prediction['main_output/Sigmoid:0'].data[0] > 0.5",
    "np.argmax(prediction['boxes'].data) == 3",
    "prediction['output_label'].data[0] == 1",
    "prediction['output_probability'].data[0][1] > 0.8",
    "source == 'door' and time > 1.6e9 and features['temperature'][0] > 20",
    "'boxes' in prediction and len(prediction) == 4 and prediction.get('other') is None",
    "[n for n in prediction.keys() if n.startswith('output')] == ['output_label', 'output_probability']",
  ];
  for (const source of trueRules) {
    it(`${source} holds`, () => assert.equal(isTrue(source), true));
  }

  const falseRules = [
    "any(p.class_label == 'car' and p.probability > 0.5 for p in prediction)",
    "prediction['main_output/Sigmoid:0'].data[0] > 0.9",
    'not True and False',
  ];
  for (const source of falseRules) {
    it(`${source} does not hold`, () => assert.equal(isTrue(source), false));
  }
});

describe('compileRule: what is refused', () => {
  function refusal(source: string): BoxError {
    try {
      compileRule(source);
    } catch (thrown) {
      assert.ok(thrown instanceof BoxError);
      return thrown;
    }
    throw new Error(`${source} was not refused`);
  }

  it('names the place and the nearest allowed name', () => {
    const error = refusal('True and\\\n  predction');
    assert.equal(error.code, 'invalid_argument');
    assert.deepEqual(error.facts, { line: 2, column: 3, nearest: 'prediction' });
  });

  it('tells every fault of a rule at once', () => {
    assert.equal(refusal('foo(bar) + np.men(x)').problems.length, 4);
  });
});

describe('Rule.evaluate', () => {
  function failure(source: string, limits = {}): BoxError {
    try {
      compileRule(source).evaluate(inputs, limits);
    } catch (thrown) {
      assert.ok(thrown instanceof BoxError);
      return thrown;
    }
    throw new Error(`${source} did not fail`);
  }

  it('tells the class of the error and its place, and says what outputs there are', () => {
    const error = failure("len(prediction) > 0 and\\\n  prediction['boxs'].data[0] > 1");
    assert.equal(error.code, 'unprocessable');
    assert.equal(error.facts.error, 'KeyError');
    assert.deepEqual([error.facts.line, error.facts.column], [2, 13]);
    assert.match(error.message, /did you mean 'boxes'/);
  });

  it('fails where an array of several elements is asked for its truth', () => {
    assert.equal(failure("prediction['boxes'].data > 0.1").facts.error, 'ValueError');
  });

  it('keeps to the limits that it is given', () => {
    assert.equal(failure('sum(range(100))', { maxSteps: 50 }).facts.error, 'BudgetError');
    assert.equal(failure('np.zeros(100)', { maxElements: 50 }).facts.error, 'BudgetError');
  });

  it('counts the same steps each time', () => {
    const rule = compileRule('any(x > 2 for x in range(3))');
    const first = rule.evaluate(inputs).steps;
    assert.equal(rule.evaluate(inputs).steps, first);
    assert.ok(first > 3 && first < 40, String(first));
  });

  it('keeps ints exact beyond 2**53 and apart from floats', () => {
    const text = (source: string) => toJson(compileRule(source).compute(inputs).value);
    assert.equal(text('2**64 + 1'), '18446744073709551617');
    assert.deepEqual(text('[str(7 // 2), str(7 / 2), str(1), str(1.0)]'), ['3', '3.5', '1', '1.0']);
  });
});

describe('inputs of a rule', () => {
  function value(data: unknown, source: string): unknown {
    return toJson(compileRule(source).compute({ prediction: { x: { data } } }).value);
  }

  it('a tensor keeps its dtype, nested lists are read as numpy reads them', () => {
    const int64 = { dtype: 'int64', shape: [2], data: BigInt64Array.of(3n, 4n) };
    assert.equal(value(int64, "str(prediction['x'].data)"), '[3 4]');
    assert.equal(value([1, 2.5], "str(prediction['x'].data)"), '[1.  2.5]');
    assert.equal(value([[true], [false]], "prediction['x'].data.shape == (2, 1)"), true);
    assert.equal(value([1.5, null], "np.isnan(prediction['x'].data[1])"), true);
  });

  it('a tensor as messages carry it is read from base64', () => {
    const wire = { dtype: 'float32', shape: [2], data: Buffer.from(Float32Array.of(0.5, 1).buffer).toString('base64') };
    assert.equal(value(wire, "prediction['x'].data.sum()"), 1.5);
  });

  it('maps keep int keys, found by their text too; text keys stay text', () => {
    assert.equal(value([{ 0: 0.25, 1: 1 }], "str(prediction['x'].data[0])"), '{0: 0.25, 1: 1.0}');
    assert.equal(value([{ 0: 0.25 }], "prediction['x'].data[0]['0']"), 0.25);
    assert.equal(value([{ cat: 0.25 }], "prediction['x'].data[0]['cat']"), 0.25);
    assert.equal(value([new Map([[7n, 0.5]])], "prediction['x'].data[0][7]"), 0.5);
  });

  it('text and ragged lists stay lists and text', () => {
    assert.equal(value([[1], [1, 2]], "len(prediction['x'].data[1])"), 2);
    assert.equal(value('hello', "prediction['x'].data.upper()"), 'HELLO');
    assert.equal(value(['a', 'b'], "'b' in prediction['x'].data"), true);
  });

  it('a 64-bit integer beyond 2**53 is an error of the rule that reads it, never a wrong number', () => {
    const huge = { dtype: 'int64', shape: [1], data: BigInt64Array.of(2n ** 60n) };
    assert.throws(
      () => value(huge, "prediction['x'].data[0] > 1"),
      (error) => error instanceof BoxError && error.facts.error === 'OverflowError',
    );
  });

  it('output names that JavaScript knows are names like others', () => {
    assert.equal(isTrue("'constructor' not in prediction and '__proto__' not in prediction"), true);
  });
});
