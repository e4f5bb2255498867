import { ask, member } from './answer.ts';
import type { Check } from './finding.ts';

/** What Prometheus has found over time, by the rules of deploy/prometheus. */
export const ALERT_CHECK: Check = {
  part: 'alerts',
  needs: ['PROMETHEUS_URL'],
  action: 'install.sh status, journalctl -u faasd',
  async run({ PROMETHEUS_URL: url = '' }, signal) {
    const { body } = await ask(`${url}/api/v1/alerts`, signal);
    const alerts = member(member(body, 'data'), 'alerts');
    const firing = (Array.isArray(alerts) ? alerts : []).filter((alert) => member(alert, 'state') === 'firing');
    if (firing.length === 0) return [{ part: 'alerts', state: 'ok', what: 'Prometheus has none' }];
    return firing.map((alert) => {
      const texts = member(alert, 'annotations');
      const what = String(member(texts, 'summary') ?? member(member(alert, 'labels'), 'alertname'));
      return { part: 'alerts', state: 'warning', what, action: String(member(texts, 'action') ?? '') };
    });
  },
};
