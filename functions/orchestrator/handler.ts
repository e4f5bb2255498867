import type { Environment } from '#lib/config/config.ts';
import { openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { openLog } from '#lib/log/log.ts';
import { compileRule } from '#lib/rules/compile.ts';
import { openCouchdbScenarioStore } from '#lib/scenario/couchdb-scenario-store.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { openCouchdbSourceStore } from '#lib/source/couchdb-source-store.ts';
import { openBusOnDemand } from './bus-on-demand.ts';
import { type OrchestratorConfig, readOrchestratorConfig } from './config.ts';
import { docsRoutes } from './docs-routes.ts';
import { openGatewayModelVerifier } from './gateway-model-verifier.ts';
import { scenarioRoutes } from './scenario-routes.ts';
import { openScenarios } from './scenarios.ts';
import { sourceRoutes } from './source-routes.ts';
import { openSources } from './sources.ts';
import { statusRoute } from './status-route.ts';

/** Opens the orchestrator: scenarios and sources over HTTP, kept in CouchDB. */
export async function open(env: Environment): Promise<OpenedFunction> {
  const config = readOrchestratorConfig(env);
  const log = openLog('orchestrator', config.logLevel);
  const secrets = openSecretFiles(config.secretsDir);
  const couchdb = await database(config, secrets);
  const store = openCouchdbScenarioStore(couchdb);
  const bus = openBusOnDemand(await busOptions(config, secrets));
  const { status } = bus;
  const models = openGatewayModelVerifier({
    gatewayUrl: config.gatewayUrl,
    secrets,
    timeoutMs: config.verifyTimeoutMs,
  });
  const scenarios = openScenarios({ store, status, models, compileRule, log });
  const sources = openSources({
    store: openCouchdbSourceStore(couchdb),
    quarantine: bus.quarantine,
    // The source is written: whoever is not told asks again by himself, within half a minute.
    tellChanged: (source) =>
      bus.tellSourceChanged(source).catch((err: unknown) => log.warn({ err, source }, 'the change was not told')),
  });
  const limits = { maxBytes: config.maxScenarioBytes, applyWaitMs: config.applyWaitMs };
  return openFunction({
    name: 'orchestrator',
    log,
    secrets,
    routes: [
      ...scenarioRoutes(scenarios, limits),
      ...sourceRoutes({ sources, bus, maxBytes: config.maxScenarioBytes }),
      statusRoute(scenarios, status),
      ...docsRoutes(),
    ],
    async health() {
      await store.get('health');
    },
    async close() {
      await Promise.all([store.close(), bus.close()]);
    },
  });
}

async function database(config: OrchestratorConfig, secrets: SecretFiles) {
  const { couchdbUrl: url, couchdbUser: user, couchdbDatabase: name } = config;
  if (user === undefined) return openCouchDatabase({ url, database: name });
  return openCouchDatabase({ url, user, password: await secrets.read('couchdb-password'), database: name });
}

async function busOptions(config: OrchestratorConfig, secrets: SecretFiles) {
  const { natsUrl: url, natsUser: user } = config;
  if (user === undefined) return { url, name: 'orchestrator' };
  return { url, name: 'orchestrator', user, password: await secrets.read('nats-password') };
}
