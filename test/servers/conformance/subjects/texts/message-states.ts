import { describe, expect, it } from 'vitest';
import type { Company } from '../../kit/company.ts';
import { until } from '../../kit/happening.ts';
import type { Person, Said } from '../../kit/person.ts';
import { fence } from './messaging.ts';

const HOUR = 3_600_000;

/** As whoever keeps the outbox does it: the same draft again, while the fault is one that passes. */
export const sayUntilTaken = async (from: Person, to: Person, first: Said): Promise<void> => {
  for (let said = first, attempt = 0; attempt < 5; attempt++) {
    const outcome = await said.outcome;
    if (outcome.state !== 'failed') return;
    const { code, protocolCode, retryable } = outcome.error;
    expect({ code, protocolCode, retryable }).toEqual({ code, protocolCode, retryable: true });
    await from.reach('online');
    said = from.sayAgain(to, first);
  }
  throw new Error('never taken');
};

export const messageStates = (company: Company): void => {
  const { abilities } = company.fixture;

  describe('message states', () => {
    it('tells sent, then delivered, then read, each once', async () => {
      const { alice, bob } = await company.pair();
      const said = alice.say(bob, 'did you get this one?');
      expect(await said.outcome).toEqual({ state: 'sent' });
      const delivered = await alice.marked(said.id, 'delivered');
      expect(delivered.peer).toBe(bob.address);
      bob.set('messaging').sendRead(alice.address, said.id);
      bob.set('messaging').sendRead(alice.address, said.id);
      await alice.marked(said.id, 'read');
      await fence(bob, alice);
      const next = alice.say(bob, 'and this one?');
      await alice.marked(next.id, 'delivered');
      bob.set('messaging').sendRead(alice.address, next.id);
      await alice.marked(next.id, 'read');
      for (const { id } of [said, next]) expect(alice.marksOf(id)).toEqual(['delivered', 'read']);
    });

    it('tells that a text was read after the reader began anew', async () => {
      const { alice, bob } = await company.pair();
      const said = alice.say(bob, 'read me tomorrow');
      await alice.marked(said.id, 'delivered');
      await bob.provider.stop();
      const later = await company.online('bob');
      later.set('messaging').sendRead(alice.address, said.id);
      await alice.marked(said.id, 'read');
    });

    it('is silent about a text nobody sent', async () => {
      const { alice, bob } = await company.pair();
      bob.set('messaging').sendRead(alice.address, 'no-such-text');
      await fence(bob, alice);
      expect(alice.marksOf('no-such-text')).toEqual([]);
    });

    it('confirms nothing that could not be kept, and it comes again', async () => {
      const { alice, bob } = await company.pair();
      let left = 1;
      bob.refuses = ({ peer }) => peer === alice.address && left-- > 0;
      const said = alice.say(bob, 'the disk was full at first');
      await until('the receiver threw', () => bob.callsFor(said.id).includes('threw'));
      expect(alice.marksOf(said.id)).toEqual([]);
      await sayUntilTaken(alice, bob, said);
      await bob.got(said.id, 20_000);
      await alice.marked(said.id, 'delivered', 20_000);
      expect(bob.callsFor(said.id).filter((answer) => answer === 'stored')).toHaveLength(1);
      await bob.reach('online');
      await fence(alice, bob);
    });

    it('knows a text that is sent twice under one id as the same one', async () => {
      const { alice, bob } = await company.pair();
      const said = alice.say(bob, 'sent twice, as after a crash');
      expect(await said.outcome).toEqual({ state: 'sent' });
      await bob.got(said.id);
      expect(await alice.sayAgain(bob, said).outcome).toEqual({ state: 'sent' });
      await alice.provider.stop();
      const again = await company.online('alice');
      expect((await again.sayAgain(bob, said).outcome).state).not.toBe('failed');
      await fence(again, bob);
      expect(bob.callsFor(said.id).filter((answer) => answer === 'stored')).toHaveLength(1);
      expect(bob.calls.filter(({ message }) => message.text === said.text && message.id !== said.id)).toEqual([]);
    });

    if (abilities.keepsTexts) kept(company);
    else {
      it('fails a text to somebody who is away', async () => {
        const { alice, bob } = await company.pair();
        await bob.provider.stop();
        await alice.sees(bob, ({ state }) => state === 'offline' || state === 'unknown');
        expect(await alice.say(bob, 'nobody keeps this').outcome).toMatchObject({
          state: 'failed',
          error: { code: 'peer-offline', retryable: true },
        });
      });
    }
  });
};

const kept = (company: Company): void => {
  it('keeps texts for somebody who is away, who gets them at the next login with their time', async () => {
    const { alice, bob } = await company.pair();
    await bob.provider.stop();
    await alice.sees(bob, ({ state }) => state === 'offline');
    const said = ['first while you were away', 'second, olá 😀', 'third'].map((text) => alice.say(bob, text));
    const composed = Date.now();
    for (const { outcome } of said) expect(await outcome).toEqual({ state: 'waiting' });
    expect(said.flatMap(({ id }) => alice.marksOf(id))).toEqual([]);
    // for bob an hour has gone
    const later = await company.online('bob', { now: () => Date.now() + HOUR });
    for (const { id, text } of said) {
      const message = await later.got(id);
      expect(message).toMatchObject({ text, peer: alice.address, direction: 'incoming', delayed: true });
      expect(Math.abs(message.sentAt - composed)).toBeLessThan(10_000);
      await alice.marked(id, 'delivered');
    }
    await fence(alice, later);
    for (const { id } of said) {
      expect(later.callsFor(id).filter((answer) => answer === 'stored')).toHaveLength(1);
      expect(alice.marksOf(id)).toEqual(['delivered']);
    }
  });

  it('tells the sender in a later life that a kept text was delivered', async () => {
    const { alice, bob } = await company.pair();
    await bob.provider.stop();
    await alice.sees(bob, ({ state }) => state === 'offline');
    const said = alice.say(bob, 'we will not meet today');
    expect(await said.outcome).toEqual({ state: 'waiting' });
    await alice.provider.stop();
    const later = await company.online('bob');
    await later.got(said.id);
    await later.provider.stop();
    const again = await company.online('alice');
    expect(await again.marked(said.id, 'delivered')).toMatchObject({ peer: bob.address });
  });
};
