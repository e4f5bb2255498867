import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** What nano takes of `fetch`, upon undici's `request`. */
const FETCH = `
const { request } = require('undici');
const fetch = async (url, { method, headers, body, signal, dispatcher }) => {
  const { 'Accept-Encoding': _, ...plain } = headers;
  let answer;
  try {
    answer = await request(url, { method: method.toUpperCase(), headers: plain, body, signal, dispatcher });
  } catch (cause) {
    if (signal && signal.aborted) throw signal.reason;
    throw new TypeError('fetch failed', { cause });
  }
  const { statusCode, headers: fields, body: received } = answer;
  if (statusCode >= 300 && statusCode < 400 && fields.location) {
    await received.dump();
    throw new TypeError('fetch failed', { cause: new Error('unexpected redirect') });
  }
  return {
    status: statusCode,
    statusText: '',
    headers: new Map(Object.entries(fields)),
    body: received,
    json: () => received.json(),
    text: () => received.text(),
    arrayBuffer: () => received.arrayBuffer(),
  };
};
`;

/**
 * An esbuild plugin that gives nano a `fetch` upon the undici of the bundle, whose agents it is given: with Node's own come
 * a second undici and the classes of the web, 10 MB in every process that speaks to CouchDB.
 */
export const leanFetch: Plugin = {
  name: 'lean-fetch',
  setup({ onLoad }) {
    onLoad({ filter: /\/node_modules\/nano\/lib\/nano\.js$/ }, async ({ path }) => ({
      contents: `${FETCH}\n${await readFile(path, 'utf8')}`,
    }));
  },
};
