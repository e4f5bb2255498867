import type { NatsConnection } from '@nats-io/nats-core';
import { errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { openBackoff } from './backoff.ts';

/** The connections of sources at nats-server. */
export interface SourceConnections {
  /** Ends those that were opened with a token that is not the source's any more. Resolves when none is left to look at. */
  endOutdated(): Promise<void>;
  close(): Promise<void>;
}

export interface SourceConnectionsParts {
  /** Connects to the system account. */
  readonly connect: () => Promise<NatsConnection>;
  readonly log: Log;
  /** Whether a token is the source's, by the mark in the connection's name. */
  readonly isCurrent: (source: string, mark: string) => boolean;
}

const FIRST_ANSWER_WITHIN_MS = 5000;
/** All servers of a cluster answer; the last is not known, so after each one more is waited for a while. */
const NEXT_ANSWER_WITHIN_MS = 250;
const PAGE = 1024;
const KICK_TIMEOUT_MS = 2000;
const BACKOFF = { firstMs: 500, maxMs: 60_000 };

interface Found {
  readonly server: string;
  readonly cid: number;
  readonly source: string;
}

export function openSourceConnections({ connect, log, isCurrent }: SourceConnectionsParts): SourceConnections {
  let connecting: Promise<NatsConnection> | undefined;
  let working: Promise<void> | undefined;
  let isDue = false;
  const closing = new AbortController();

  const system = async (): Promise<NatsConnection> => {
    connecting ??= connect();
    try {
      return await connecting;
    } catch (error) {
      connecting = undefined;
      throw error;
    }
  };
  const work = async () => {
    const backoff = openBackoff(BACKOFF);
    while (isDue && !closing.signal.aborted) {
      isDue = false;
      try {
        const connection = await system();
        for (const { server, cid, source } of await outdated(connection, isCurrent)) {
          await connection.request(`$SYS.REQ.SERVER.${server}.KICK`, JSON.stringify({ cid }), {
            timeout: KICK_TIMEOUT_MS,
          });
          log.info({ source, cid }, 'a connection was ended: its token is not valid any more');
        }
      } catch (error) {
        if (closing.signal.aborted) return;
        // Until it is done, who has an old token goes on sending.
        isDue = true;
        log.warn({ reason: errorText(error) }, 'connections with old tokens could not be ended yet');
        await backoff.wait(closing.signal);
      }
    }
    // In the same turn as the last look at what is due: who comes after it begins anew.
    working = undefined;
  };
  return {
    async endOutdated() {
      isDue = true;
      working ??= work();
      await working;
    },
    async close() {
      closing.abort();
      const [settled] = await Promise.allSettled([connecting]);
      if (settled.status === 'fulfilled') await settled.value?.close();
      await working;
    },
  };
}

async function outdated(
  connection: NatsConnection,
  isCurrent: SourceConnectionsParts['isCurrent'],
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const options = { auth: true, limit: PAGE, offset };
    const answers = await connection.requestMany('$SYS.REQ.SERVER.PING.CONNZ', JSON.stringify(options), {
      strategy: 'stall',
      maxWait: FIRST_ANSWER_WITHIN_MS,
      stall: NEXT_ANSWER_WITHIN_MS,
    });
    let isMore = false;
    let servers = 0;
    for await (const answer of answers) {
      servers++;
      const { server, connections } = readConnz(answer.json());
      isMore ||= connections.length === PAGE;
      for (const { cid, name } of connections) {
        const [, source, mark] = /^source:([^:]+):([^:]+)$/.exec(name) ?? [];
        if (source !== undefined && mark !== undefined && !isCurrent(source, mark)) found.push({ server, cid, source });
      }
    }
    if (servers === 0) throw new Error(`no server told its connections within ${FIRST_ANSWER_WITHIN_MS} ms`);
    if (!isMore) return found;
  }
}

function readConnz(value: unknown): { server: string; connections: { cid: number; name: string }[] } {
  const { server, data } = Object(value) as Record<string, unknown>;
  const { id } = Object(server) as Record<string, unknown>;
  const { connections } = Object(data) as Record<string, unknown>;
  const list = Array.isArray(connections) ? connections : [];
  return {
    server: String(id),
    connections: list.flatMap((each: unknown) => {
      const { cid, authorized_user: name } = Object(each) as Record<string, unknown>;
      return typeof cid === 'number' && typeof name === 'string' ? [{ cid, name }] : [];
    }),
  };
}
