import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import { counts, type Order } from './order.ts';
import type { OrderQueue } from './order-queue.ts';
import type { OrderStore } from './order-store.ts';

/**
 * Hands out an order's samples one by one, each once: only what is recorded as published counts, so that a sample that
 * a processor published again after it was ended is never handed out twice.
 */
export function openPoll(orders: OrderStore, queue: OrderQueue): (orderId: string) => Promise<Buffer | undefined> {
  const known = new LRUCache<string, Order>({ max: 1000 });

  async function fresh(orderId: string): Promise<Order> {
    const order = await orders.get(orderId);
    if (!order) throw new BoxError('not_found', `Cannot poll order ${orderId}: there is no such order`);
    known.set(orderId, order);
    return order;
  }

  /**
   * The next sample's message; undefined when nothing is there yet, or any more.
   *
   * @throws BoxError `not_found` for an order that never was, or whose queue nobody read for half an hour.
   */
  return async (orderId) => {
    let order = known.get(orderId) ?? (await fresh(orderId));
    for (;;) {
      const message = await queue.take(orderId);
      if (!message) return undefined;
      let verdict = counts(order, message.origin);
      if (verdict === 'not-yet') {
        // What was recorded stays recorded; whether the rest counts only the newest record tells.
        order = await freshOrGiveBack(orderId, message);
        verdict = counts(order, message.origin);
      }
      if (verdict === 'yes') {
        message.accept();
        return message.body;
      }
      if (verdict === 'not-yet') {
        message.giveBack();
        return undefined;
      }
      message.accept();
    }
  };

  async function freshOrGiveBack(orderId: string, message: { giveBack(): void }): Promise<Order> {
    try {
      return await fresh(orderId);
    } catch (error) {
      message.giveBack();
      throw error;
    }
  }
}
