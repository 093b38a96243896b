import { expect, it } from 'vitest';
import { DestinationQueue } from '../../../protocols/sip/messaging/destination-queue.ts';

it('goes on with the next text for somebody when the one before it broke', async () => {
  const queue = new DestinationQueue();
  const order: string[] = [];
  const broken = queue.add('sip:bob@campus.test', async () => {
    order.push('broken');
    throw new Error('a bug');
  });
  const next = queue.add('sip:bob@campus.test', async () => void order.push('next'));
  await expect(broken).rejects.toThrow('a bug');
  await next;
  await queue.settled();
  expect(order).toEqual(['broken', 'next']);
});
