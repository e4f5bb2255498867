import { join } from 'node:path';
import { canMakePythonOf, findPythonOf, makePythonOf } from '../../setup/python-environment.ts';
import type { ChildExit } from '../server/child-process.ts';
import { startFunction } from './function-process.ts';
import { openSleepingFunction, type SleepingFunction } from './sleeping-function.ts';
import { readStackFile } from './stack-file.ts';

export interface ConverterOptions {
  /** The clone. */
  readonly root: string;
  /** The user's own environment: where Python is, and how pip is set up. */
  readonly inherited: NodeJS.ProcessEnv;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly onRestart: (exit: ChildExit, delayMs: number) => void;
  readonly say: (line: string) => void;
}

/**
 * The function `converter` of stack.converter.yml. It sleeps until it is called; then its Python environment is made, if no
 * clone of this user has needed one before. Undefined where there is no Python to make it with.
 */
export async function openConverter(options: ConverterOptions): Promise<SleepingFunction | undefined> {
  const { root, inherited, say, ...process } = options;
  const [definition] = await readStackFile(join(root, 'stack.converter.yml'), {});
  if (definition === undefined || !(await canMakePythonOf('converter', inherited))) return undefined;
  return openSleepingFunction({
    definition,
    say,
    isPrepared: () => findPythonOf('converter', inherited) !== undefined,
    async prepare(tell, signal) {
      await makePythonOf('converter', inherited, tell, signal);
    },
    start() {
      const python = findPythonOf('converter', inherited) ?? 'python3';
      const program = [python, '-u', join(definition.handler, 'index.py')] as const;
      return startFunction({ definition, templates: join(root, 'templates'), program, ...process });
    },
  });
}
