import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Route } from '#lib/function/route.ts';
import { openLog } from '#lib/log/log.ts';
import { openCouchdbScenarioStore } from '#lib/scenario/couchdb-scenario-store.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { openCouchdbSourceStore } from '#lib/source/couchdb-source-store.ts';
import { openBusOnDemand } from '../../../functions/orchestrator/bus-on-demand.ts';
import { SETTINGS } from '../../../functions/orchestrator/config.ts';
import { docsRoutes } from '../../../functions/orchestrator/docs-routes.ts';
import { openApiDocument } from '../../../functions/orchestrator/openapi.ts';
import { scenarioRoutes } from '../../../functions/orchestrator/scenario-routes.ts';
import { openScenarios } from '../../../functions/orchestrator/scenarios.ts';
import { sourceRoutes } from '../../../functions/orchestrator/source-routes.ts';
import { openSources } from '../../../functions/orchestrator/sources.ts';
import { statusRoute } from '../../../functions/orchestrator/status-route.ts';
import { openTestDatabase } from '../../support/couchdb-database.ts';
import { startOrchestrator, type TestOrchestrator } from './support/orchestrator.ts';

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string; security?: unknown[] }>>>>;
  readonly components: { readonly examples: Readonly<Record<string, { value: unknown }>> };
}

/** Routes of the runtime, which every function has. */
const RUNTIME_ROUTES = ['GET /healthz', 'GET /metrics'];

describe('orchestrator, its documentation', () => {
  let box: TestOrchestrator;
  const document = openApiDocument() as OpenApi;

  before(async () => {
    box = await startOrchestrator();
  });

  after(() => box.close());

  it('GET /openapi.json is open to all and has every route with the access that it has, and no other', async () => {
    const response = await fetch(`${box.url}/openapi.json`);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), document);

    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { security }]) => ({
        route: `${method.toUpperCase()} ${path}`,
        access: security === undefined ? 'api-key' : 'open',
      })),
    );
    const routes = (await allRoutes()).map(({ method, path, access }) => ({
      route: `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
      access: access ?? 'api-key',
    }));
    const own = documented.filter(({ route }) => !RUNTIME_ROUTES.includes(route));
    const byRoute = (a: { route: string }, b: { route: string }) => a.route.localeCompare(b.route);
    assert.deepEqual(own.sort(byRoute), routes.sort(byRoute));
  });

  it('/openapi.json refers only to what it has', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => String(ref));
    assert.ok(refs.length > 50);
    for (const ref of refs) {
      assert.match(ref, /^#\/components\//);
      const found = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((at, key) => Object(at)[key], document);
      assert.notEqual(found, undefined, ref);
    }
  });

  it('/openapi.json has an example that is a scenario', () => {
    for (const { value } of Object.values(document.components.examples)) assert.ok(parseScenario(value));
  });

  for (const path of ['/docs', '/docs/']) {
    it(`GET ${path} is a page all of whose files the function serves itself`, async () => {
      const response = await fetch(box.url + path);
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'self'/);
      const html = await response.text();
      const files = [...html.matchAll(/(?:href|src|data-document)="([^"]+)"/g)].map(([, file]) => String(file));
      assert.equal(files.length, 4);
      for (const file of files) {
        const address = new URL(file, box.url + path);
        assert.equal(address.origin, box.url);
        const served = await fetch(address);
        assert.equal(served.status, 200, address.href);
        assert.ok((await served.text()).length > 100);
      }
    });
  }

  it('GET /docs/{file} answers 404 to a file that is not of the page', async () => {
    for (const file of ['package.json', 'toString', '..%2f..%2fpackage.json']) {
      assert.equal((await box.call('GET', `/docs/${file}`)).status, 404, file);
    }
  });

  it('docs/http-api.md has every route, and every variable with what it means', async () => {
    const text = await readFile(new URL('../../../docs/http-api.md', import.meta.url), 'utf8');
    for (const { method, path } of await allRoutes()) {
      const route = `\`${method} ${path.replace(/:(\w+)/g, '{$1}')}\``;
      assert.ok(text.includes(route), route);
    }
    for (const { variable, doc } of Object.values(SETTINGS)) {
      assert.ok(text.includes(`| \`${variable}\` | ${doc} |`), variable);
    }
  });
});

/** Every route of the function; nothing of it is connected before it is called. */
async function allRoutes(): Promise<Route[]> {
  const database = await openTestDatabase();
  const bus = openBusOnDemand({ url: 'nats://127.0.0.1:1', name: 'nobody' });
  const { status } = bus;
  const scenarios = openScenarios({
    store: openCouchdbScenarioStore(database),
    status,
    models: { verify: async () => ({ problems: [], warnings: [] }) },
    compileRule: () => undefined,
    log: openLog('test', 'silent'),
  });
  const sources = openSources({
    store: openCouchdbSourceStore(database),
    quarantine: bus.quarantine,
    tellChanged: bus.tellSourceChanged,
  });
  await Promise.all([database.close(), bus.close()]);
  return [
    ...scenarioRoutes(scenarios, { maxBytes: 1, applyWaitMs: 0 }),
    ...sourceRoutes({ sources, bus, maxBytes: 1 }),
    statusRoute(scenarios, status),
    ...docsRoutes(),
  ];
}
