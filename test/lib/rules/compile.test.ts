import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { compileRule } from '#lib/rules/compile.ts';
import type { RuleInputs } from '#lib/rules/inputs/rule-scope.ts';

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
