import type { Setting } from '#lib/config/config.ts';
import { SETTINGS as CONNECTOR } from '../../connector/config.ts';
import { SETTINGS as INFERENCE } from '../../functions/inference/config.ts';
import { SETTINGS as INGESTION } from '../../functions/ingestion/config.ts';
import { SETTINGS as NOTIFICATION } from '../../functions/notification/config.ts';
import { SETTINGS as ORCHESTRATOR } from '../../functions/orchestrator/config.ts';
import { SENSORY_SETTINGS as SENSORY } from '../../functions/sensory/config.ts';

const PARTS: Readonly<Record<string, Readonly<Record<string, Setting<unknown>>>>> = {
  orchestrator: ORCHESTRATOR,
  ingestion: INGESTION,
  inference: INFERENCE,
  notification: NOTIFICATION,
  sensory: SENSORY,
  connector: CONNECTOR,
};

const HEAD = `# Configuration

Every part reads its environment once, when it starts, and ends with one message that lists every variable that is missing
or malformed. On OpenFaaS the variables stand in \`stack.yml\`, the secrets are files below \`SECRETS_DIR\`. Variables of the
runtime itself (body limit, port, time to drain) are in [templates/box-node/README.md](../templates/box-node/README.md).

This page is written by \`npm run docs\` from the code; a test holds it.
`;

/** The page docs/configuration.md, made of the settings that the parts declare. */
export function configurationPage(): string {
  return `${[HEAD, ...Object.entries(PARTS).map(section)].join('\n')}`;
}

function section([name, settings]: [string, Readonly<Record<string, Setting<unknown>>>]): string {
  const rows = Object.values(settings).map(
    (setting) => `| \`${setting.variable}\` | ${setting.doc} | ${fallback(setting)} |`,
  );
  return `## ${name}\n\n| variable | what it is | default |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

function fallback(setting: Setting<unknown>): string {
  if (!('fallback' in setting)) return 'required';
  const { fallback: value } = setting;
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return '';
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``;
}
