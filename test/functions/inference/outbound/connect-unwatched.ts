// Stands for native code: a connection that the preloaded module is not there to see.
import { once } from 'node:events';
import { connect } from 'node:net';
import { sentOut } from './sent-out.ts';

await once(connect(80, '192.0.2.1'), 'connect').catch(() => undefined);
process.stdout.write(String(await sentOut()));
