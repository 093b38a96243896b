import { describe, expect, test } from 'vitest';
import { formatIsComposing, IS_COMPOSING_TYPE } from '../../../protocols/sip/messaging/is-composing.ts';
import { draft } from '../kit.ts';
import { BOB, messagingAtServer, typeOf } from './messaging-at-server.ts';

const notices = ({ server }: Awaited<ReturnType<typeof messagingAtServer>>) =>
  server.requests.filter((request) => typeOf(request) === IS_COMPOSING_TYPE).length;

describe('our typing', () => {
  test('is not sent to who is away, nor before a first key, nor again at every key', async () => {
    const ana = await messagingAtServer();
    ana.page.sendTyping('sip:away@campus.test', 'composing');
    ana.page.sendTyping(BOB, 'paused');
    for (let key = 0; key < 10; key++) ana.page.sendTyping(BOB, 'composing');
    await ana.settled();
    expect(notices(ana)).toBe(1);
    ana.state.now += 31_000;
    ana.page.sendTyping(BOB, 'composing');
    ana.page.sendTyping(BOB, 'paused');
    await ana.settled();
    // what is outdated by the time it could go stays here
    expect(notices(ana)).toBe(2);
  });

  test.each([400, 415, 488, 501, 606])(
    'is not sent again to who refuses it with %i, and texts go on',
    async (status) => {
      const ana = await messagingAtServer();
      const { server, page } = ana;
      server.handler = (request) => request.answer(typeOf(request) === IS_COMPOSING_TYPE ? status : 200);
      page.sendTyping(BOB, 'composing');
      await ana.settled();
      expect(await page.send(BOB, draft('a')).outcome).toEqual({ state: 'sent' });
      await ana.receive('text/plain', 'hello');
      page.sendTyping(BOB, 'composing');
      await ana.settled();
      expect(notices(ana)).toBe(1);
      page.sendTyping('sip:carol@campus.test', 'composing');
      await ana.settled();
      expect(notices(ana)).toBe(2);
    },
  );

  test.each([202, 404, 408, 480, 403, 503])(
    'after %i is sent again when they have written, or we come back',
    async (status) => {
      const ana = await messagingAtServer();
      const { server, page } = ana;
      server.handler = (request) => request.answer(typeOf(request) === IS_COMPOSING_TYPE ? status : 200);
      const type = async (): Promise<number> => {
        page.sendTyping(BOB, 'composing');
        await ana.settled();
        page.sendTyping(BOB, 'paused');
        await ana.settled();
        return notices(ana);
      };
      expect([await type(), await type()]).toEqual([1, 1]);
      await ana.receive('text/plain', 'hello');
      expect([await type(), await type()]).toEqual([2, 2]);
      page.restore();
      expect(await type()).toBe(3);
      page.stop();
    },
  );
});

describe('the other side’s typing', () => {
  const watched = async () => {
    const ana = await messagingAtServer();
    const seen: string[] = [];
    ana.page.onTyping(({ peer, state }) => seen.push(`${peer} ${state}`));
    const notice = (state: string, more = '') =>
      ana.receive(
        IS_COMPOSING_TYPE,
        `<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>${state}</state>${more}</isComposing>`,
      );
    return { ...ana, seen, notice };
  };

  test('ends with its text', async () => {
    const { receive, seen, texts } = await watched();
    await receive(IS_COMPOSING_TYPE, formatIsComposing('composing'));
    await receive('text/plain', 'done');
    expect([seen, texts]).toEqual([[`${BOB} composing`, `${BOB} paused`], ['done']]);
  });

  test.each([
    ['<refresh>90</refresh>', 90],
    ['<refresh>7</refresh>', 7],
    ['', 120],
    ['<refresh>soon</refresh>', 120],
    ['<refresh>-5</refresh>', 120],
    ['<refresh>99999999</refresh>', 600],
  ])('with %s ends by itself after %i s without news (RFC 3994 §3.3)', async (refresh, seconds) => {
    const { notice, seen, clock } = await watched();
    await notice('active', refresh);
    clock.advance(seconds * 1000 - 1);
    expect(seen).toEqual([`${BOB} composing`]);
    // each notice begins anew
    await notice('active', refresh);
    clock.advance(seconds * 1000 - 1);
    expect(seen).toEqual([`${BOB} composing`, `${BOB} composing`]);
    clock.advance(1);
    expect(seen.at(-1)).toBe(`${BOB} paused`);
    expect(clock.running).toBe(0);
  });

  test('in a state we do not know is idle, and idle without having typed says nothing', async () => {
    const { notice, seen } = await watched();
    await notice('idle');
    await notice('active');
    await notice('thinking');
    await notice('idle');
    expect(seen).toEqual([`${BOB} composing`, `${BOB} paused`]);
  });

  test('of more than 500 people at once is that of who began last', async () => {
    const { server, seen, clock } = await watched();
    for (let nth = 0; nth < 502; nth++) {
      server.sendRequest(
        'MESSAGE',
        'sip:ana@campus.test',
        [`From: <sip:p${nth}@campus.test>;tag=1`, `Content-Type: ${IS_COMPOSING_TYPE}`],
        formatIsComposing('composing'),
      );
    }
    await server.until(() => server.answers[501]);
    expect(clock.running).toBe(500);
    expect(seen.filter((each) => each.endsWith(' paused'))).toEqual([
      'sip:p0@campus.test paused',
      'sip:p1@campus.test paused',
    ]);
  });

  test('is forgotten with the account, and no timer stays', async () => {
    const { notice, page, clock } = await watched();
    await notice('active');
    page.stop();
    expect(clock.running).toBe(0);
  });
});
