import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { BoxError, errorText, type Problem } from '../error/box-error.ts';
import { jsonLimitProblems } from '../scenario/json-limits.ts';
import scenarioSchema from '../scenario/scenario.schema.json' with { type: 'json' };
import { schemaProblems } from '../scenario/schema-problems.ts';
import { publicKeyOf } from './signature.ts';
import schema from './source.schema.json' with { type: 'json' };
import type { Source } from './source.ts';

let compiled: ValidateFunction<Source> | undefined;

/** Compiled when the first source is read, which is late or never. */
function schemaCheck(): ValidateFunction<Source> {
  if (compiled) return compiled;
  const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strict: true });
  ajv.addKeyword('x-rule');
  ajv.addSchema(scenarioSchema);
  compiled = ajv.compile<Source>(schema);
  return compiled;
}

const ID = new RegExp(schema.$defs.Source.properties._id.pattern, 'u');

/**
 * Reads a source as somebody puts it.
 *
 * @throws BoxError `invalid_argument` that lists every problem, each with the JSON pointer of its place.
 */
export function parseSource(value: unknown): Source {
  refuse(jsonLimitProblems(value));
  const fits = schemaCheck();
  if (!fits(value)) throw refusal(schemaProblems(fits.errors ?? [], 'source'));
  refuse(keyProblems(value));
  return value;
}

/**
 * Checks the id of a source that is to be known.
 *
 * @throws BoxError `invalid_argument`.
 */
export function checkSourceId(id: string): void {
  if (ID.test(id)) return;
  const rule = schema.$defs.Source.properties._id['x-rule'];
  throw new BoxError('invalid_argument', `Cannot use source ${JSON.stringify(id.slice(0, 120))}: its id ${rule}`);
}

function keyProblems({ public_key: key }: Source): Problem[] {
  if (key === undefined) return [];
  try {
    publicKeyOf(key);
    return [];
  } catch (error) {
    return [{ pointer: '/public_key', message: `must be an Ed25519 public key (${errorText(error)})` }];
  }
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw refusal(problems);
}

function refusal(problems: readonly Problem[]): BoxError {
  const first = problems[0];
  const place = first?.pointer === '' ? 'the document' : first?.pointer;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see errors)` : '';
  return new BoxError('invalid_argument', `Cannot read source: ${place} ${first?.message}${more}`, {
    problems: problems.slice(0, 100),
  });
}
