import { expect, it } from 'vitest';
import { inAccount } from '../../../electron/core/accounts/in-account.ts';
import { LastResort } from '../../../electron/core/last-resort.ts';
import { Emitter } from '../../../protocols/contract/index.ts';
import { TestClock } from '../support/core.ts';

/** Whom an error that is met right here belongs to. */
const bearer = (): string | undefined => {
  const failed: string[] = [];
  new LastResort({
    log: { write: () => undefined, error: () => undefined, close: () => undefined },
    clock: new TestClock(),
    failAccount: (accountId) => void failed.push(accountId),
    onFatal: () => undefined,
  }).thrown(new Error('here'));
  return failed[0];
};

class Transfer {
  readonly #seen: unknown[];
  constructor(seen: unknown[]) {
    this.#seen = seen;
  }
  accept(): void {
    this.#seen.push(bearer());
  }
}
class Files {
  readonly seen: unknown[] = [];
  readonly #offered = new Emitter<{ transfer: Transfer; key: string }>();
  readonly onOffer = this.#offered.on;
  receiver: ((text: string) => void) | undefined;
  offer(count: number): Transfer[] {
    return Array.from({ length: count }, () => new Transfer(this.seen));
  }
  come(): void {
    this.#offered.emit({ transfer: new Transfer(this.seen), key: 'k' });
    this.receiver?.('text');
  }
}
class Provider {
  readonly files = new Files();
  operationSet(): Files {
    return this.files;
  }
  later(): Promise<string | undefined> {
    return new Promise((resolve) => setTimeout(() => resolve(bearer()), 0));
  }
}

it('gives an error in whatever a command begins to the account, through timers, transfers and listeners', async () => {
  const raw = new Provider();
  const provider = inAccount('sip-1', raw);
  expect(await provider.later()).toBe('sip-1');
  const files = provider.operationSet();
  expect(provider.operationSet()).toBe(files);
  for (const transfer of files.offer(2)) transfer.accept();
  const heard: unknown[] = [];
  const stop = files.onOffer(({ transfer, key }) => {
    heard.push(bearer(), key);
    transfer.accept();
  });
  files.receiver = () => heard.push(bearer());
  // as out of a socket that no account opened
  raw.files.come();
  expect(heard).toEqual(['sip-1', 'k', 'sip-1']);
  expect(raw.files.seen).toEqual(['sip-1', 'sip-1', 'sip-1']);
  stop();
  raw.files.come();
  expect(heard).toHaveLength(4);
  expect(bearer()).toBeUndefined();
});
