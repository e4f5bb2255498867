// The part of these packages that couchdb-process.ts uses; they bring no types.

declare module 'express' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  interface Response extends ServerResponse {
    status(code: number): this;
    set(name: string, value: string): this;
    json(body: unknown): this;
  }
  type Middleware = (request: IncomingMessage, response: Response, next: () => void) => void;
  interface Application extends RequestListener {
    use(middleware: Middleware): this;
  }
  export default function express(): Application;
}

declare module 'pouchdb-core' {
  interface Database {
    plugin(plugin: unknown): Database;
    defaults(options: { prefix: string; adapter: string }): Database;
  }
  const PouchDB: Database;
  export default PouchDB;
}

declare module 'pouchdb-adapter-leveldb' {
  const plugin: unknown;
  export default plugin;
}

declare module 'express-pouchdb' {
  import type { Middleware } from 'express';
  import type { Database } from 'pouchdb-core';

  export default function expressPouchdb(
    database: Database,
    options: { mode: 'minimumForPouchDB'; overrideMode: { include: readonly string[] } },
  ): Middleware;
}
