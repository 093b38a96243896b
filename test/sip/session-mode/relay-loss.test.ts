import { describe, expect, onTestFinished, test } from 'vitest';
import { TestRelay } from '../../msrp/support/relay.ts';
import { Campus, ChatPeer } from './support/chat-peers.ts';
import { isReport, isText } from './support/meddler.ts';

/** Ana and Bob in a session through a relay, of which they have waited out every pause. */
const relayed = async () => {
  const relay = await TestRelay.open();
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', { relay }).begin();
  const bob = await new ChatPeer(campus, 'bob', { relay }).begin();
  await ana.openSession(bob);
  const hurry = setInterval(() => {
    for (const { clock } of [ana, bob]) clock.advance(20);
    campus.tell();
  }, 10);
  onTestFinished(() => clearInterval(hurry));
  return { relay, campus, ana, bob };
};
type Setting = Awaited<ReturnType<typeof relayed>>;

/** The last URI of the path a peer has from the relay now. */
const pathOf = (relay: TestRelay, grants: number): Promise<void> => relay.until(() => relay.nonces.length >= grants);

const inSession = ({ campus, ana, bob }: Setting): Promise<unknown> =>
  campus.until(() => ana.mode(bob) === 'session' && bob.mode(ana) === 'session');

const sayAll = async (from: ChatPeer, to: ChatPeer, texts: readonly string[]): Promise<void> => {
  const said = texts.map((text) => from.say(to, text));
  for (const { outcome } of said) expect(await outcome).toBe('sent');
};

/** Texts go both ways, none of them by MESSAGE, in the session there was from the beginning. */
const goesOn = async (setting: Setting): Promise<void> => {
  const { ana, bob } = setting;
  await inSession(setting);
  const pages = ana.pages.length + bob.pages.length;
  await sayAll(ana, bob, ['there?']);
  await sayAll(bob, ana, ['here.']);
  expect([bob.texts.at(-1), ana.texts.at(-1)]).toEqual(['there?', 'here.']);
  expect(ana.pages.length + bob.pages.length).toBe(pages);
  expect([...ana.inviting, ...bob.inviting]).toHaveLength(1);
};

describe('the connection to the relay is lost', () => {
  test.each([
    ['who invited', 0],
    ['who was invited', 1],
  ])('by %s: the session goes on with another path', async (_, which) => {
    const setting = await relayed();
    const { relay, campus, ana, bob } = setting;
    const one = which === 0 ? ana : bob;
    const moved = campus.until(() => one.mode(which === 0 ? bob : ana) === 'page');
    relay.cutOne(which);
    await moved;
    await pathOf(relay, 3);
    await goesOn(setting);
  });

  test.each([
    ['who invited', 0],
    ['who was invited', 1],
  ])('by %s: the session goes on with the same path, and nobody is asked', async (_, which) => {
    const setting = await relayed();
    const { relay, campus, ana, bob } = setting;
    const one = which === 0 ? ana : bob;
    const moved = campus.until(() => one.mode(which === 0 ? bob : ana) === 'page');
    relay.paths = 'kept';
    relay.cutOne(which);
    await moved;
    const reoffers = [...ana.inviting, ...bob.invited].map((session) => {
      let count = 0;
      session.onReoffered(() => count++);
      return () => count;
    });
    await goesOn(setting);
    expect(reoffers.map((count) => count())).toEqual([0, 0]);
  });

  test('by both at once', async () => {
    const setting = await relayed();
    const { relay, campus, ana, bob } = setting;
    const moved = campus.until(() => ana.mode(bob) === 'page' || bob.mode(ana) === 'page');
    relay.cut();
    await moved;
    await pathOf(relay, 4);
    await goesOn(setting);
  });

  test('again and again, while both write: nobody loses, doubles or reorders anything', async () => {
    const setting = await relayed();
    const { relay, ana, bob } = setting;
    let frames = 0;
    relay.deed = (frame) => {
      if ((isText(frame) || isReport(frame)) && ++frames % 25 === 0) return 'cut';
      return 'pass';
    };
    const ours = Array.from({ length: 60 }, (_, i) => `ana ${i}`);
    const theirs = Array.from({ length: 60 }, (_, i) => `bob ${i}`);
    await Promise.all([sayAll(ana, bob, ours), sayAll(bob, ana, theirs)]);
    expect(frames).toBeGreaterThan(25);
    expect(bob.texts.slice(2)).toEqual(ours);
    expect(ana.texts).toEqual(theirs);
  });

  test('and the relay is gone: texts go by MESSAGE, and the session ends', async () => {
    const setting = await relayed();
    const { relay, campus, ana, bob } = setting;
    relay.stop();
    await campus.until(() => ana.inviting[0]?.state.state === 'ended' && bob.invited[0]?.state.state === 'ended');
    await sayAll(ana, bob, ['a', 'b']);
    expect(bob.texts.slice(2)).toEqual(['a', 'b']);
  });
});

test('that a text was read goes by MESSAGE when the relay had it and the peer never did', async () => {
  const { relay, ana, bob } = await relayed();
  const said = ana.say(bob, 'read me');
  await ana.marked(said.id, 'delivered');
  relay.deed = (frame) => (/^MSRP \S+ SEND/.test(frame) && frame.includes('<displayed/>') ? 'lose' : 'pass');
  const pages = ana.pages.length;
  bob.messaging.sendRead(ana.address, said.id);
  await ana.marked(said.id, 'read');
  expect(ana.pages.slice(pages)).toContain('message/cpim');
});

test('a path that expires is replaced by another, and the peer uses it', async () => {
  const relay = await TestRelay.open();
  // only the path of the one who invites: two who renew theirs every second would ever ask each other at the same time
  relay.nextExpires.push(1);
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', { relay }).begin();
  const bob = await new ChatPeer(campus, 'bob', { relay }).begin();
  const opened = ana.openSession(bob);
  const invited = await campus.until(() => bob.invited[0]);
  const reoffered = new Promise<void>((resolve) => invited.onReoffered(() => resolve()));
  await opened;
  await reoffered;
  const before = relay.frames.length;
  await sayAll(bob, ana, ['by the new path']);
  const text = relay.frames.slice(before).find(isText) ?? '';
  const [, toAna] = /To-Path: (?:\S+) (\S+) /.exec(text) ?? [];
  expect(relay.granted.indexOf(toAna ?? '')).toBeGreaterThan(1);
  expect(ana.texts.at(-1)).toBe('by the new path');
});

test('a relay that does not reach the peer is left out the next time, and a text that needs a session gets one', async () => {
  const relay = await TestRelay.open();
  // as Kamailio's shipped example, it connects to nobody
  relay.deed = (frame) => (/^MSRP \S+ SEND/.test(frame) ? 'swallow' : 'pass');
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', { relay }).begin();
  const bob = await new ChatPeer(campus, 'bob', {}).begin();
  await sayAll(ana, bob, ['a', 'b']);
  await campus.until(() => ana.inviting[0]?.state.state === 'established');
  ana.clock.advance(20_000);
  await campus.until(() => bob.invited[0]?.state.state === 'ended');
  await sayAll(ana, bob, ['c']);
  ana.time += 601_000;
  await sayAll(ana, bob, ['ł'.repeat(40_000)]);
  expect([ana.mode(bob), ana.inviting.length, relay.granted.length]).toEqual(['session', 2, 1]);
  expect(bob.texts.map((text) => text.slice(0, 1))).toEqual(['a', 'b', 'c', 'ł']);
});
