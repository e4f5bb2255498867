import { freePort } from '../../../../local/server/free-port.ts';
import { callBoxFunction, killBoxFunction, startBoxFunction } from '../../../connector/box-function.ts';
import type { Answer, Call, Fixture } from '../../../connector/fixture.ts';

/** Function ingestion as a process of its own, by the template's runtime, to be killed. */
export interface IngestionProcess {
  /** What the function answers; 502 when it is not there or goes away. */
  readonly forward: (call: Call) => Promise<Answer>;
  /** SIGKILL, and a new one. */
  readonly restart: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

export async function startIngestion(fixture: Fixture): Promise<IngestionProcess> {
  const port = await freePort();
  let child = await startBoxFunction('ingestion', port, fixture);
  const kill = () => killBoxFunction(child);
  return {
    forward: (call) => callBoxFunction(port, call),
    kill,
    async restart() {
      await kill();
      child = await startBoxFunction('ingestion', port, fixture);
    },
  };
}
