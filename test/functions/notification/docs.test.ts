import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { openLog } from '#lib/log/log.ts';
import schema from '#lib/scenario/scenario.schema.json' with { type: 'json' };
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { alertRoutes } from '../../../functions/notification/alert/alert-routes.ts';
import { openAlerts } from '../../../functions/notification/alert/alerts.ts';
import { openPastAlerts } from '../../../functions/notification/alert/past-alerts.ts';
import { SETTINGS } from '../../../functions/notification/config.ts';
import { openNotificationHistory } from '../../../functions/notification/history/history.ts';
import { historyRoutes } from '../../../functions/notification/history/history-routes.ts';
import { ruleTestRoute } from '../../../functions/notification/rule-test.ts';
import { LATE_IN_A_ROW, LATE_MS } from '../../../functions/notification/when/step.ts';

const page = (name: string) => readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
const nobody = () => assert.fail('nothing is asked before a route is called');

describe('docs of function notification', () => {
  it('docs/http-api.md has every route', async () => {
    const text = await page('http-api.md');
    const store = openMemoryStateStore();
    const scenarios = { current: nobody };
    const reader = { read: nobody, lastSeq: nobody };
    const routes = [
      ...historyRoutes(openNotificationHistory(reader, scenarios), {
        maxWaitSeconds: 1,
        maxWaiting: 1,
        log: openLog('test', 'silent'),
      }),
      ...alertRoutes(openAlerts({ store, past: openPastAlerts(store, 1), setTimer: nobody })),
      ruleTestRoute({ scenarios, reader }),
    ];
    for (const { method, path } of routes) {
      const route = `\`${method} ${path.replace(/:(\w+)/g, '{$1}')}\``;
      assert.ok(text.includes(route), route);
    }
  });

  it('docs/notifications.md names every optional field of a rule and of a webhook', async () => {
    const text = await page('notifications.md');
    const { NotificationRule: rule, Webhook: webhook } = schema.$defs;
    const optional = Object.keys(rule.properties).filter((name) => !rule.required.includes(name));
    const named = [
      ...optional.filter((name) => name !== 'message' && name !== 'severity'),
      ...Object.keys(webhook.properties),
    ];
    for (const name of named) assert.ok(text.includes(name), name);
  });

  it('docs/notifications.md says what the code does', async () => {
    const text = await page('notifications.md');
    assert.deepEqual([LATE_MS, LATE_IN_A_ROW], [60_000, 10]);
    assert.ok(text.includes('up to a minute older') && text.includes('the tenth such in a row'));
    for (const variable of ['ALERT_HISTORY_DAYS', 'MAX_WAIT_SECONDS', 'WEBHOOK_HOSTS']) {
      assert.ok(text.includes(variable) && Object.values(SETTINGS).some((setting) => setting.variable === variable));
    }
  });
});
