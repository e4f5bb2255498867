import { type Answer, ask, detailOf } from './answer.ts';
import type { Check, Finding } from './finding.ts';

const FUNCTIONS = ['orchestrator', 'ingestion', 'inference', 'notification', 'sensory'];
const CLOCKS_APART_MS = 5000;

/** The gateway, the key, and every function of The Box behind it. */
export const FUNCTION_CHECKS: readonly Check[] = [
  {
    part: 'gateway',
    needs: ['BOX_GATEWAY'],
    action: 'npm start on a laptop; on a board: install.sh status, journalctl -u faasd',
    async run({ BOX_GATEWAY: gateway = '' }, signal) {
      const answer = await ask(`${gateway}/healthz`, signal);
      if (answer.status >= 500) throw new Error(detailOf(answer));
      return [{ part: 'gateway', state: 'ok', what: `${gateway} answers` }, ...clock(answer)];
    },
  },
  {
    part: 'key',
    needs: ['BOX_GATEWAY', 'BOX_API_KEY'],
    action: 'the findings about the gateway and the orchestrator come first',
    async run({ BOX_GATEWAY: gateway = '', BOX_API_KEY: key = '' }, signal) {
      const answer = await ask(`${gateway}/function/orchestrator/scenario`, signal, { authorization: `Bearer ${key}` });
      if (answer.status === 401 || answer.status === 403) {
        const action =
          'BOX_API_KEY must be what is in the secret box-api-key; npx box env, or thebox/secrets on a board';
        return [{ part: 'key', state: 'failed', what: 'the functions do not take this key', action }];
      }
      if (answer.status !== 200) return [{ part: 'key', state: 'skipped', what: 'cannot be tried: no orchestrator' }];
      return [{ part: 'key', state: 'ok', what: 'the functions take it' }];
    },
  },
  ...FUNCTIONS.map(functionCheck),
];

function functionCheck(name: string): Check {
  const action = `faas-cli logs ${name}, or .box/log/${name}.log on a laptop`;
  return {
    part: name,
    needs: ['BOX_GATEWAY'],
    action,
    async run({ BOX_GATEWAY: gateway = '' }, signal) {
      const answer = await ask(`${gateway}/function/${name}/healthz`, signal);
      if (answer.status === 200) return [{ part: name, state: 'ok', what: 'ready' }];
      if (answer.status === 404) {
        const deploy = `faas-cli deploy -f stack.yml --filter ${name}`;
        return [{ part: name, state: 'failed', what: 'is not deployed', action: deploy }];
      }
      return [{ part: name, state: 'failed', what: `is not ready: ${detailOf(answer)}`, action }];
    },
  };
}

/** Whether this machine's clock and the gateway's agree: times in signals, timers and signatures rest on them. */
function clock({ headers }: Answer): Finding[] {
  const date = Date.parse(String(headers.date ?? ''));
  if (Number.isNaN(date)) return [];
  const apartMs = Math.abs(Date.now() - date);
  if (apartMs < CLOCKS_APART_MS) return [];
  const what = `the gateway's and this machine's are ${Math.round(apartMs / 1000)} s apart`;
  return [{ part: 'clock', state: 'warning', what, action: 'timedatectl on both: is the time synchronized?' }];
}
