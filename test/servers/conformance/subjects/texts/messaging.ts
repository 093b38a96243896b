import { describe, expect, it } from 'vitest';
import type { Company, Pair } from '../../kit/company.ts';
import { until } from '../../kit/happening.ts';
import type { Person } from '../../kit/person.ts';

/** Line ends may become LF on the way; nothing else changes. */
const lines = (text: string): string => text.replace(/\r\n?/g, '\n');

const TEXTS: readonly [string, string][] = [
  ['letters of many languages', 'reunião às 15h — žluťoučký кириллица ελληνικά 日本語 한국어 हिन्दी'],
  ['emoji of several characters', 'yes 😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇵🇹'],
  ['combining marks', 'e\u0301 n\u0303 Z\u0351\u036b\u0343 \u1100\u1161'],
  ['right-to-left text', 'שלום \u202bעולם\u202c مرحبا \u200f!'],
  ['what looks like markup', `</body><body>x</body> <![CDATA[ ]]> &amp; &lt;i&gt; "quoted" 'single'`],
  ['what looks like a header', 'first\r\nX-Injected: y\r\nContent-Type: text/html\r\n\r\n<b>bold</b>'],
  ['what looks like the end of a message', 'one\r\n\r\nMESSAGE sip:bob@campus.test SIP/2.0\r\n\r\n-------abc$\r\n'],
  ['percent signs and backslashes', '100 % of %s and %41 \\n \\\\ $(x) {{y}}'],
  ['blanks that mean something', '  two before\n\n\nthree ends\ttab '],
  ['300 lines', Array.from({ length: 300 }, (_, index) => `line ${index} of a long text`).join('\n')],
  ['30 000 letters without a blank', 'ação'.repeat(5_000)],
];

/** Sends a text that means nothing and waits until it is there: what was sent before has come by then. */
export const fence = async (from: Person, to: Person): Promise<void> => {
  const text = from.say(to, `nothing else comes before this ${Math.random()}`);
  expect((await text.outcome).state).not.toBe('failed');
  await to.got(text.id);
};

export const messaging = (company: Company): void => {
  describe('messaging', () => {
    it('carries fifty texts at once each way, in their order', async () => {
      const { alice, bob } = await company.pair();
      const chatter = (from: Person, to: Person) =>
        Array.from({ length: 50 }, (_, index) => from.say(to, `number ${index} of ${from.name}, olá`));
      const [there, back] = [chatter(alice, bob), chatter(bob, alice)];
      for (const [to, from, said] of [
        [bob, alice, there],
        [alice, bob, back],
      ] as const) {
        for (const { outcome } of said) expect(await outcome).toEqual({ state: 'sent' });
        await Promise.all(said.map(({ id }) => to.got(id)));
        const ids = said.map(({ id }) => id);
        const came = to.calls.map(({ message }) => message).filter(({ id }) => ids.includes(id));
        expect(came.map(({ text }) => text)).toEqual(said.map(({ text }) => text));
        for (const message of came) {
          expect(message).toMatchObject({ peer: from.address, direction: 'incoming', delayed: false });
          expect(Math.abs(message.sentAt - Date.now())).toBeLessThan(20_000);
        }
      }
    });

    it('carries every kind of text once, as it was written', async () => {
      const { alice, bob } = await company.pair();
      const before = bob.calls.length;
      const ids: string[] = [];
      for (const [kind, text] of TEXTS) {
        const said = alice.say(bob, text);
        ids.push(said.id);
        expect(await said.outcome, kind).toEqual({ state: 'sent' });
        expect(lines((await bob.got(said.id)).text), kind).toBe(lines(text));
      }
      await fence(alice, bob);
      // texts of another test may still come out of the archive meanwhile
      const came = bob.calls.slice(before).filter(({ message }) => message.peer === alice.address && !message.delayed);
      expect(came.map(({ message }) => message.id).slice(0, -1)).toEqual(ids);
    });

    it('is not hurt by characters that no text should have', async () => {
      const { alice, bob } = await company.pair();
      const said = alice.say(bob, 'bell \u0007, nothing \u0000, half a pair \ud83d, not a character \ufffe.');
      await said.outcome;
      await fence(alice, bob);
      expect(alice.registrations.at(-1)?.state).toBe('online');
      expect(bob.registrations.at(-1)?.state).toBe('online');
    });

    it('takes a text as long as it says, and refuses a longer one as too big', async () => {
      // the longest go one way only, and that way leads to one device
      for (const name of ['alice', 'bob'] as const) await company.fixture.logOutEverywhere?.(name);
      const { alice, bob } = await company.pair();
      const { maximumBytes } = alice.set('messaging');
      expect(maximumBytes).toBeGreaterThan(10_000);
      for (const size of new Set([maximumBytes + 1, Math.max(1024 * 1024, maximumBytes + 1)])) {
        const outcome = await alice.say(bob, 'x'.repeat(size)).outcome;
        expect(outcome).toMatchObject({ state: 'failed', error: { code: 'too-big', retryable: false } });
      }
      // counted in bytes, not in letters
      const wide = await alice.say(bob, 'ã'.repeat(Math.floor(maximumBytes / 2) + 1)).outcome;
      expect(wide).toMatchObject({ state: 'failed', error: { code: 'too-big' } });
      const longest = alice.say(bob, 'y'.repeat(maximumBytes));
      expect(await longest.outcome).toEqual({ state: 'sent' });
      expect((await bob.got(longest.id)).text).toBe(longest.text);
    });

    it('carries a text to oneself', async () => {
      const alice = await company.online('alice');
      const said = alice.say(alice, 'a note to myself, olá');
      await said.outcome;
      expect(await alice.got(said.id)).toMatchObject({ text: said.text, peer: alice.address });
      expect(alice.callsFor(said.id).filter((answer) => answer === 'stored')).toHaveLength(1);
    });

    it('does not say that a text to nobody was delivered', async () => {
      const alice = await company.online('alice');
      const said = alice.say(company.fixture.nobody, 'is anybody there?');
      expect(['failed', 'waiting']).toContain((await said.outcome).state);
      expect(alice.marksOf(said.id)).toEqual([]);
    });

    it('tells who is typing, and who stopped', async () => {
      const { alice, bob } = await company.pair();
      await exchangeTexts({ alice, bob });
      for (const [from, to] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        const heard = () => to.typing.filter(({ peer }) => peer === from.address).map(({ state }) => state);
        const before = heard().length;
        from.set('messaging').sendTyping(to.address, 'composing');
        await until('typing is seen', () => heard().at(-1) === 'composing' && heard().length > before);
        from.set('messaging').sendTyping(to.address, 'paused');
        await until('a pause is seen', () => heard().at(-1) === 'paused');
        expect(heard().slice(before)).toEqual(['composing', 'paused']);
      }
    });
  });
};

/** Clients learn from a text what the other one understands. */
const exchangeTexts = async ({ alice, bob }: Pair): Promise<void> => {
  await fence(alice, bob);
  await fence(bob, alice);
};
