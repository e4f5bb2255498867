import { type Gateway, openGateway } from '../gateway.ts';
import type { Output } from '../output.ts';
import type { CommandContext } from './command.ts';

/** Runs a command that asks the appliance, and closes the connections whatever came of it. */
export async function withGateway(
  context: CommandContext,
  work: (gateway: Gateway, output: Output) => Promise<void>,
): Promise<void> {
  const gateway = openGateway(await context.connection());
  try {
    await work(gateway, context.output());
  } finally {
    await gateway.close();
  }
}
