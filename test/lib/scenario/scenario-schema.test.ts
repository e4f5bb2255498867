import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import schema from '#lib/scenario/scenario.schema.json' with { type: 'json' };

interface Definition {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Definition & { readonly $ref?: string }>>;
  readonly required?: readonly string[];
}

const DEFINITIONS: Readonly<Record<string, Definition>> = schema.$defs;

describe('scenario.schema.json', () => {
  it('describes every field, and docs/scenario.md says the same', async () => {
    const text = await readFile(new URL('../../../docs/scenario.md', import.meta.url), 'utf8');
    const wanted: string[] = [];
    for (const [name, { properties, required = [] }] of Object.entries(DEFINITIONS)) {
      if (properties === undefined) continue;
      wanted.push(`### ${name}`);
      for (const [field, property] of Object.entries(properties)) {
        const target = property.$ref?.split('/').at(-1);
        const description = property.description ?? (target && DEFINITIONS[target]?.description);
        assert.ok(description, `${name}.${field}`);
        wanted.push(`| \`${field}\` | ${description} | ${required.includes(field) ? 'yes ' : ''}|`);
      }
    }
    const found = text.split('\n').filter((line) => line.startsWith('### ') || line.startsWith('| `'));
    assert.deepEqual(found.slice(0, wanted.length), wanted);
  });

  it('accepts the example of docs/scenario.md', async () => {
    const text = await readFile(new URL('../../../docs/scenario.md', import.meta.url), 'utf8');
    const example: unknown = JSON.parse(/```json\n([^`]+)```/.exec(text)?.[1] ?? '');
    assert.deepEqual(parseScenario(example), example);
  });

  it('accepts the scenarios of examples/', async () => {
    for (const name of ['digits', 'tiny']) {
      const file = new URL(`../../../examples/${name}/scenario.json`, import.meta.url);
      const document: unknown = JSON.parse(await readFile(file, 'utf8'));
      assert.deepEqual(parseScenario(document), document);
    }
  });
});
