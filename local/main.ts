/** `npm start`: the whole appliance on this machine, with a demo on real images. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { openAppliance } from './appliance.ts';
import { runDemo } from './demo/demo.ts';
import type { Seen } from './demo/tally.ts';
import { applianceScreen, seenLine, summaryLines } from './screen.ts';

const USAGE = `npm start [-- OPTION…]

  --once            send 300 images, print a summary, end; status 0 only when none was lost
  --no-demo         start the appliance alone
  --folder FOLDER   where data, secrets and logs are kept (default .box)

In the environment: COUCHDB_URL (a CouchDB of your own, with user and password), MODEL_ROOT (the folder that models
may be read from, default this clone).`;

const ROOT = resolve(import.meta.dirname, '..');
const DEMO = { count: 30, rate: 5 };
const ONCE = { count: 300, rate: 50 };

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      demo: { type: 'boolean', default: true },
      folder: { type: 'string', default: resolve(ROOT, '.box') },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const stop = stopSignal();
  const folder = resolve(values.folder);
  const startedAt = performance.now();
  const { COUCHDB_URL: couchdbUrl, MODEL_ROOT: modelRoot } = process.env;
  const appliance = await openAppliance({
    root: ROOT,
    folder,
    ports: 'default',
    rabbitmq: values.once ? 'never' : 'if-installed',
    ...(couchdbUrl && { couchdbUrl }),
    ...(modelRoot && { environment: { MODEL_ROOT: resolve(modelRoot) } }),
    say: (line) => console.error(`box: ${line}`),
    signal: stop,
  });
  try {
    console.log(applianceScreen(appliance, folder, (performance.now() - startedAt) / 1000));
    appliance.rabbitmqUp.catch((error: unknown) => console.error(`box: ${errorText(error)}`));
    const demo = { root: ROOT, env: appliance.env, onSeen: (seen: Seen) => console.log(seenLine(seen)), signal: stop };
    if (values.once) {
      const summary = await runDemo({ ...demo, ...ONCE });
      console.log(`\n${summaryLines(summary)}`);
      return summary.lost === 0 && summary.repeated === 0 && summary.sent === ONCE.count ? 0 : 1;
    }
    if (values.demo) {
      await runDemo({ ...demo, ...DEMO }).catch((error: unknown) => {
        if (!stop.aborted) console.error(`box: ${errorText(error)}`);
      });
    }
    if (!stop.aborted) console.log('\nIt stays up. Ctrl-C ends it; the data stays.');
    await aborted(stop);
    return 0;
  } finally {
    console.error('box: stopping…');
    await appliance.close();
  }
}

/** Aborts on the first signal to end. The same signal comes twice from a terminal under npm, which passes it on. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new BoxError('unavailable', `Ended by ${name}`)));
  }
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`box: ${errorText(error)}`);
  process.exitCode = 1;
}
