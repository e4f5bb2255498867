import { writeFile } from 'node:fs/promises';
import { cliPage } from './cli-page.ts';
import { configurationPage } from './configuration-page.ts';

await writeFile(new URL('../../docs/configuration.md', import.meta.url), configurationPage());
await writeFile(new URL('../../docs/cli.md', import.meta.url), cliPage());
