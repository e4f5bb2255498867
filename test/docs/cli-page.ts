import type { Argument, Command } from 'commander';
import { EXIT } from '../../cli/exit-code.ts';
import { boxProgram } from '../../cli/program.ts';

const HEAD = `# The command line

\`npx box\` works with the appliance that \`npm start\` runs in the same folder, or with the one that the environment names:
\`BOX_GATEWAY\`, \`BOX_API_KEY\`, and \`NATS_URL\` for \`watch\` and \`dead\`. \`eval "$(npx box env)"\` puts them there, for
other folders and other programs.

- \`--json\` before the command gives its result as JSON on standard output: one document, or one a line where results come one by one.
- What is said about the work goes to standard error; on a terminal a bar there shows how far \`send\`, \`sample\` and \`order\` are.
- These three make a call again, up to five times, while the appliance is busy or restarts. Placing an order is not tried again:
  it would be a second one.
- Files of \`sample export\` and \`order\` are written under another name and renamed: what stands under its name is whole.

| exit code | meaning |
| --- | --- |
| ${EXIT.ok} | done |
| ${EXIT.usage} | arguments or a document were refused |
| ${EXIT.notFound} | there is no such thing |
| ${EXIT.conflict} | it is there already, or was changed meanwhile |
| ${EXIT.denied} | the key is not valid |
| ${EXIT.unavailable} | the appliance, or a part of it, is not there: try again |
| ${EXIT.failed} | anything else |

The commands are written by \`npm run docs\` from the program's own help; a test holds them.
`;

/** The page docs/cli.md, made of the program's commands. */
export function cliPage(): string {
  const program = boxProgram({
    folder: '.',
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    connection: async () => ({}),
    signal: new AbortController().signal,
    exit(code) {
      throw new Error(`No command is run here, but it ended with ${code}`);
    },
  });
  return [HEAD, ...program.commands.map((command) => section(command, 'box', 2))].join('\n');
}

/** A command with its options, then those below it. */
function section(command: Command, parents: string, level: number): string {
  const words = `${parents} ${command.name()}`;
  const below = command.commands.map((child) => section(child, words, level + 1));
  const usage = [words, ...command.registeredArguments.map(argument)].join(' ');
  const rows = command.options.map(
    ({ flags, description, defaultValue }) =>
      `| \`${flags}\` | ${cell(description)} | ${cell(fallback(defaultValue))} |\n`,
  );
  return [
    `${'#'.repeat(level)} ${words}\n`,
    ...(below.length > 0 ? [] : [`    ${usage}\n`]),
    `${sentence(command.description())}\n`,
    ...(rows.length > 0 ? [`| option | what it is | default |\n| --- | --- | --- |\n${rows.join('')}`] : []),
    ...below,
  ].join('\n');
}

function argument(one: Argument): string {
  const shown = one.variadic ? `${one.name()}...` : one.name();
  return one.required ? `<${shown}>` : `[${shown}]`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function fallback(value: unknown): string {
  return value === undefined ? '' : `\`${value}\``;
}

/** A bar would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
