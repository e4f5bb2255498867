import { freePort } from '../../../../local/server/free-port.ts';
import { killBoxFunction, startBoxFunction } from '../../../connector/box-function.ts';
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
    forward: (call) => forward(port, call),
    kill,
    async restart() {
      await kill();
      child = await startBoxFunction('ingestion', port, fixture);
    },
  };
}

async function forward(port: number, { headers, body }: Call): Promise<Answer> {
  try {
    const { 'transfer-encoding': _, connection: __, ...rest } = headers;
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: rest as Record<string, string>,
      body: new Uint8Array(body),
    });
    const type = response.headers.get('content-type') ?? 'text/plain';
    return { status: response.status, headers: { 'content-type': type }, body: await response.text() };
  } catch {
    return { status: 502, body: 'no answer' };
  }
}
