import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import { counts, failureOf, isComplete, isSettled, type MessageOrigin, type Order } from './order.ts';
import type { OrderQueue } from './order-queue.ts';
import type { OrderStore } from './order-store.ts';

/** Orders whose handed-out samples are remembered, a bit each. */
const MAX_REMEMBERED = 200;
/** How old what is known of an order may be when nothing is on its queue. */
const FRESH_MS = 1000;

/**
 * Hands out an order's samples one by one, each once: only what is recorded as published counts, so that a sample that
 * a processor published again after it was ended is never handed out twice. What was handed out is remembered too:
 * RabbitMQ writes acknowledgements down in its own time, and one that is killed delivers the last ones again.
 *
 * The answer leaves before the acknowledgement: a process that is killed between the two hands the samples of the polls that were
 * under way out once more. The other way round they would be lost, and a trainer would wait for them for ever.
 */
export function openPoll(orders: OrderStore, queue: OrderQueue): (orderId: string) => Promise<Buffer | undefined> {
  const known = new LRUCache<string, Order>({ max: 1000 });
  const readMs = new LRUCache<string, number>({ max: 1000 });
  const handedOut = new LRUCache<string, Uint8Array>({ max: MAX_REMEMBERED });

  /** Marks a sample as handed out; false when it was already. */
  function handOut({ id, size, shards }: Order, { shard, place }: MessageOrigin): boolean {
    const bits = handedOut.get(id) ?? new Uint8Array(Math.ceil(size / 8));
    handedOut.set(id, bits);
    const position = (shards[shard]?.from ?? 0) + place;
    const [byte, bit] = [position >> 3, 1 << (position & 7)];
    if (((bits[byte] ?? 0) & bit) !== 0) return false;
    bits[byte] = (bits[byte] ?? 0) | bit;
    return true;
  }

  async function fresh(orderId: string): Promise<Order> {
    const order = await orders.get(orderId);
    if (!order) throw new BoxError('not_found', `Cannot poll order ${orderId}: there is no such order`);
    known.set(orderId, order);
    readMs.set(orderId, Date.now());
    return order;
  }

  /**
   * The next sample's message; undefined when nothing is there yet, or any more.
   *
   * @throws BoxError `not_found` for an order that never was, or whose queue nobody read for half an hour; `unprocessable`
   * when all is handed out that there will ever be, and that is less than was ordered.
   */
  return async (orderId) => {
    let order = known.get(orderId) ?? (await fresh(orderId));
    for (;;) {
      const message = await queue.take(orderId);
      if (!message) {
        await checkNotFailed(orderId, order);
        return undefined;
      }
      let verdict = counts(order, message.origin);
      if (verdict === 'not-yet') {
        // What was recorded stays recorded; whether the rest counts only the newest record tells.
        order = await freshOrGiveBack(orderId, message);
        verdict = counts(order, message.origin);
      }
      if (verdict === 'not-yet') {
        message.giveBack();
        return undefined;
      }
      message.accept();
      if (verdict === 'yes' && handOut(order, message.origin)) return message.body;
    }
  };

  /** Trainers poll an empty queue in a busy loop: they are told within a second that nothing will come. */
  async function checkNotFailed(orderId: string, order: Order): Promise<void> {
    if (isComplete(order) || Date.now() - (readMs.get(orderId) ?? 0) < FRESH_MS) return;
    const newest = await fresh(orderId);
    const failure = failureOf(newest);
    if (failure === undefined || !isSettled(newest)) return;
    const reason = failure.message.replace(/\.$/, '');
    throw new BoxError('unprocessable', `Cannot complete order ${orderId}: ${reason}; order anew`);
  }

  async function freshOrGiveBack(orderId: string, message: { giveBack(): void }): Promise<Order> {
    try {
      return await fresh(orderId);
    } catch (error) {
      message.giveBack();
      throw error;
    }
  }
}
