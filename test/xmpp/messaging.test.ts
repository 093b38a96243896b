import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { verificationString } from '../../protocols/xmpp/discovery/own-features.ts';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { BOB, message, messagesOf, OWN, roster, setUp, workedOff } from './support/ana.ts';
import { DOMAIN, stopServers } from './support/hostile-server.ts';
import { draft, everybodyLeaves, memoryStorage, next } from './support/kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

it('gives its name to whom it does not know yet, and asks for presence under it', async () => {
  const { ana, line } = await setUp(roster('both'), {}, { displayName: 'Ana' });
  ana.set('messaging').send(BOB, draft('known'));
  ana.set('messaging').send('xmpp:eve@campus.test', draft('unknown'));
  await ana.set('contactList').put({ address: 'xmpp:eve@campus.test', name: 'Eve', groups: [] });
  await workedOff(line);
  expect(messagesOf(line).map((element) => element.getChildText('nick', NS.nick))).toEqual([null, 'Ana']);
  expect(line.elements.find(({ attrs }) => attrs.type === 'subscribe')?.getChildText('nick', NS.nick)).toBe('Ana');
});

it('sends a text with everything that lets it be told apart and confirmed', async () => {
  const { ana, line } = await setUp();
  const text = draft('hello');
  ana.set('messaging').send(BOB, text);
  const sent = await line.expect('a text', (element) => element.is('message'));
  expect(sent.attrs).toMatchObject({ to: 'bob@campus.test', type: 'chat', id: text.id });
  expect(sent.getChild('origin-id', NS.stanzaId)?.attrs.id).toBe(text.id);
  expect(sent.getChild('request', NS.receipts)).toBeDefined();
  expect(sent.getChild('markable', NS.markers)).toBeDefined();
  expect(sent.getChild('active', NS.chatStates)).toBeDefined();
});

it.each([
  ['service-unavailable', 'peer-offline', true],
  ['recipient-unavailable', 'peer-offline', true],
  ['remote-server-not-found', 'peer-unknown', false],
  ['item-not-found', 'peer-unknown', false],
  ['policy-violation', 'policy', false],
  ['resource-constraint', 'server-unavailable', true],
  ['x-unheard-of', 'server-unavailable', false],
])('fails a text with %s before the ack, and marks one after it', async (condition, code, retryable) => {
  let hold = true;
  const refusal = (id: string | undefined): string =>
    `<message type='error' from='bob@campus.test' id='${id}'><body>x</body><error type='cancel'><text xmlns='${NS.stanzaErrors}'>no</text><${condition} xmlns='${NS.stanzaErrors}'/></error></message>`;
  const { ana, line } = await setUp({
    on: (connection, element) => {
      if (element.is('message') && hold) connection.write(refusal(element.attrs.id));
      return false;
    },
  });
  const expected = { code, retryable, protocolCode: condition };
  expect(await ana.set('messaging').send(BOB, draft('a')).outcome).toMatchObject({ state: 'failed', error: expected });
  hold = false;
  const second = draft('b');
  expect(await ana.set('messaging').send(BOB, second).outcome).toEqual({ state: 'sent' });
  const mark = next(ana.set('messaging').onMark);
  line.write(refusal(second.id));
  expect(await mark).toMatchObject({ peer: BOB, id: second.id, mark: 'failed', error: expected });
});

it('knows a blocked peer, and an error without any inside', async () => {
  const { ana, line } = await setUp();
  const marks = [
    next(ana.set('messaging').onMark, ({ id }) => id === '1'),
    next(ana.set('messaging').onMark, ({ id }) => id === '2'),
  ];
  line.write(
    message(
      `<error type='cancel'><not-acceptable xmlns='${NS.stanzaErrors}'/><blocked xmlns='${NS.blockingErrors}'/></error>`,
      { type: 'error', id: '1' },
    ),
  );
  line.write(message('', { type: 'error', id: '2' }));
  expect(await marks[0]).toMatchObject({ error: { code: 'blocked' } });
  expect(await marks[1]).toMatchObject({ error: { code: 'server-unavailable', protocolCode: 'undefined-condition' } });
});

it('refuses a text that is too long, also when escaping makes it so', async () => {
  const { ana } = await setUp();
  const messaging = ana.set('messaging');
  expect(await messaging.send(BOB, draft('é'.repeat(messaging.maximumBytes))).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'too-big' },
  });
  expect(await messaging.send(BOB, draft('&'.repeat(messaging.maximumBytes))).outcome).toMatchObject({
    state: 'failed',
    error: { code: 'too-big' },
  });
  expect(await messaging.send(BOB, draft('e'.repeat(messaging.maximumBytes))).outcome).toEqual({ state: 'sent' });
});

it('reads texts of every kind, and only texts', async () => {
  const { ana, line } = await setUp();
  line.write(message('<body>a\r\nb\rc\td</body>', { id: '1' }));
  line.write(
    message(
      "<body xml:lang='pt'>olá</body><body>hello</body><nick xmlns='http://jabber.org/protocol/nick'> Bob </nick>",
      { id: '2', type: 'normal' },
    ),
  );
  line.write(message('<body>in a room</body>', { id: '3', type: 'groupchat' }));
  line.write(message("<body xmlns='urn:x'>not ours</body>", { id: '4' }));
  line.write(message('<subject>  </subject>', { id: '5' }));
  line.write(
    message(`<body>kept</body><delay xmlns='${NS.delay}' from='${DOMAIN}' stamp='2026-01-02T03:04:05.678+01:00'/>`, {
      id: '6',
    }),
  );
  line.write(
    message(`<body>from the future</body><delay xmlns='${NS.delay}' from='${DOMAIN}' stamp='2999-01-01T00:00:00Z'/>`, {
      id: '7',
    }),
  );
  line.write(
    `<message from='bob@campus.test/x'><body>no id</body><origin-id xmlns='${NS.stanzaId}' id='origin'/></message>`,
  );
  await workedOff(line);
  const texts = ana.received.filter(({ unshown }) => unshown === undefined);
  expect(texts.map(({ id, text }) => [id, text])).toEqual([
    ['1', 'a\nb\nc\td'],
    ['2', 'hello'],
    ['6', 'kept'],
    ['7', 'from the future'],
    ['origin', 'no id'],
  ]);
  expect(texts[1]?.peerName).toBe('Bob');
  expect(texts[2]).toMatchObject({ sentAt: Date.parse('2026-01-02T02:04:05.678Z'), delayed: true });
  expect(texts[3]?.sentAt).toBeLessThanOrEqual(Date.now());
});

it('believes no archive id but the one its own server put there', async () => {
  const { ana, line } = await setUp({ disco: [NS.archive] });
  line.write(
    message(
      `<body>a</body><stanza-id xmlns='${NS.stanzaId}' by='bob@campus.test' id='evil'/><stanza-id xmlns='${NS.stanzaId}' by='${OWN}' id='good'/>`,
    ),
  );
  expect((await ana.texts(1))[0]?.archiveId).toBe('good');
});

it('believes no archive id where the server has no archive', async () => {
  const { ana, line } = await setUp();
  line.write(message(`<body>a</body><stanza-id xmlns='${NS.stanzaId}' by='${OWN}' id='evil'/>`));
  expect((await ana.texts(1))[0]).not.toHaveProperty('archiveId');
});

it('confirms a text once it is kept, where that was asked', async () => {
  const { line } = await setUp();
  line.write(
    message('<body>quiet</body>', { id: '1' }) +
      message(`<body>tell me</body><request xmlns='${NS.receipts}'/>`, { id: '2' }),
  );
  line.write(message(`<received xmlns='${NS.receipts}' id='x'/><request xmlns='${NS.receipts}'/>`, { id: '3' }));
  await workedOff(line);
  expect(messagesOf(line).map((element) => element.getChild('received', NS.receipts)?.attrs.id)).toEqual(['2']);
  expect(messagesOf(line)[0]?.getChild('request')).toBeUndefined();
});

it('tells once that a text was delivered and read, however many devices of the peer say so', async () => {
  const { ana, line } = await setUp();
  const marks: string[] = [];
  ana.set('messaging').onMark(({ id, mark }) => marks.push(`${mark} ${id}`));
  for (const child of ['received', 'received', 'displayed', 'displayed']) {
    const namespace = child === 'received' ? NS.receipts : NS.markers;
    line.write(message(`<${child} xmlns='${namespace}' id='x'/>`, { id: randomUUID() }));
  }
  await workedOff(line);
  expect(marks).toEqual(['delivered x', 'read x']);
});

it('tells that a text was read where that was asked, once, and also after a restart', async () => {
  const storage = memoryStorage();
  const first = await setUp({}, { storage });
  first.line.write(message(`<body>a</body><markable xmlns='${NS.markers}'/>`, { id: '1' }));
  first.line.write(message('<body>b</body>', { id: '2' }));
  await first.ana.texts(2);
  await first.ana.provider.stop();
  const { ana, line } = await setUp({}, { storage });
  for (const id of ['1', '1', '2']) ana.set('messaging').sendRead(BOB, id);
  await workedOff(line);
  expect(messagesOf(line).map((element) => element.getChild('displayed', NS.markers)?.attrs.id)).toEqual(['1']);
});

it('sends a receipt again after a restart that the server never acknowledged', async () => {
  let deaf = false;
  const { ana, line } = await setUp({ on: (_line, element) => deaf && element.is('r') });
  deaf = true;
  line.write(message(`<body>tell me</body><request xmlns='${NS.receipts}'/>`, { id: '1' }));
  await line.expect('a receipt', (element) => element.getChild('received', NS.receipts) !== undefined);
  await ana.provider.stop();
  const again = await setUp({}, { storage: ana.storage });
  const receipt = await again.line.expect('the receipt', (element) => element.is('message'));
  expect(receipt.getChild('received', NS.receipts)?.attrs.id).toBe('1');
  // acknowledged now, and not sent a third time
  await again.ana.set('messaging').send(BOB, draft('asks for an ack')).outcome;
  await again.ana.provider.stop();
  const third = await setUp({}, { storage: ana.storage });
  await third.ana.set('messaging').send(BOB, draft('hello')).outcome;
  expect(messagesOf(third.line).map((element) => element.getChildText('body'))).toEqual(['hello']);
});

it('sends a receipt again that a lost session took with it', async () => {
  let dropped = false;
  const { server, line } = await setUp({
    on: (connection, element) => {
      if (dropped || !element.is('message')) return false;
      dropped = true;
      connection.socket.destroy();
      return true;
    },
  });
  line.write(message(`<body>tell me</body><request xmlns='${NS.receipts}'/>`, { id: '1' }));
  const second = await server.connection(1);
  const receipt = await second.expect('the receipt', (element) => element.is('message'));
  expect(receipt.getChild('received', NS.receipts)?.attrs.id).toBe('1');
});

it('tells typing as it changes, and not twice', async () => {
  const { ana, line } = await setUp();
  const told: string[] = [];
  ana.set('messaging').onTyping(({ peer, state }) => void told.push(`${peer} ${state}`));
  const states = ['active', 'composing', 'composing', 'paused', 'composing', 'gone', 'inactive'];
  for (const state of states) line.write(message(`<${state} xmlns='${NS.chatStates}'/>`));
  await workedOff(line);
  expect(told).toEqual([`${BOB} composing`, `${BOB} paused`, `${BOB} composing`, `${BOB} paused`]);
});

it('says that it types in a way that nobody keeps or copies, until somebody does not want to know', async () => {
  const { ana, line } = await setUp();
  const messaging = ana.set('messaging');
  messaging.sendTyping(BOB, 'composing');
  const typing = await line.expect('typing', (element) => element.is('message'));
  for (const [name, namespace] of [
    ['composing', NS.chatStates],
    ['no-store', NS.hints],
    ['private', NS.carbons],
  ] as const) {
    expect(typing.getChild(name, namespace)).toBeDefined();
  }
  expect(typing.getChild('body')).toBeUndefined();
  line.write(message('<body>from a client without typing</body>'));
  await workedOff(line);
  messaging.sendTyping(BOB, 'paused');
  line.write(message(`<body>from one with it</body><active xmlns='${NS.chatStates}'/>`));
  await workedOff(line);
  messaging.sendTyping(BOB, 'composing');
  line.write(message('', { type: 'error', id: typing.attrs.id ?? '' }));
  await workedOff(line);
  messaging.sendTyping(BOB, 'paused');
  await workedOff(line);
  expect(messagesOf(line).map((element) => element.getChildElements()[0]?.name)).toEqual(['composing', 'composing']);
});

it('does not believe an answer from anybody but who was asked', async () => {
  const { ana, line } = await setUp({
    on: (connection, element) => {
      if (!element.is('iq') || element.attrs.type !== 'set' || !element.getChild('query', NS.roster)) return false;
      const error = `<error type='cancel'><forbidden xmlns='${NS.stanzaErrors}'/></error>`;
      for (const from of ['mallory@campus.test/x', 'campus.test.evil', 'bob@campus.test']) {
        connection.write(`<iq type='error' id='${element.attrs.id}' from='${from}'>${error}</iq>`);
      }
      return false;
    },
  });
  await expect(ana.set('contactList').put({ address: BOB, name: 'Bob', groups: [] })).resolves.toBeUndefined();
  expect(line.elements.some((element) => element.attrs.type === 'subscribe')).toBe(true);
});

it('takes changes of the list from its own account only', async () => {
  const { ana, line } = await setUp();
  const push = (from: string | undefined, name: string, id: string): string =>
    `<iq type='set' id='${id}' ${from ? `from='${from}'` : ''}><query xmlns='${NS.roster}' ver='v${id}'><item jid='bob@campus.test' name='${name}' subscription='both'/></query></iq>`;
  line.write(push('mallory@campus.test', 'Evil', '1') + push(undefined, 'Bob', '2') + push(OWN, 'Robert', '3'));
  const answers = await Promise.all(
    ['1', '2', '3'].map((id) => line.expect('an answer', (element) => element.attrs.id === id)),
  );
  expect(answers.map(({ attrs }) => attrs.type)).toEqual(['error', 'result', 'result']);
  expect(ana.set('contactList').contacts).toEqual([
    { address: BOB, name: 'Robert', groups: [], subscription: 'mutual' },
  ]);
  expect(ana.storage.content.get('roster.version')).toBe('v3');
});

it('answers what it is asked, and says no to the rest', async () => {
  const { line } = await setUp({}, { context: { version: '4.5.6' } });
  const ask = (id: string, child: string, type = 'get'): string =>
    `<iq type='${type}' id='${id}' from='bob@campus.test/x'>${child}</iq>`;
  line.write(
    ask('1', `<query xmlns='${NS.version}'/>`) +
      ask('2', `<query xmlns='${NS.discoInfo}'/>`) +
      ask('3', "<x xmlns='urn:x'/>"),
  );
  line.write(ask('4', `<query xmlns='${NS.discoInfo}' node='urn:nobody'/>`) + ask('5', '<a/><b/>', 'set'));
  line.write(ask('6', `<query xmlns='${NS.discoItems}'/>`));
  const [version, info, unknown, node, two, items] = await Promise.all(
    ['1', '2', '3', '4', '5', '6'].map((id) => line.expect('an answer', (element) => element.attrs.id === id)),
  );
  expect(version?.getChild('query')?.getChildText('name')).toBe('AIMS');
  expect(version?.getChild('query')?.getChildText('version')).toBe('4.5.6');
  expect(items?.attrs.type).toBe('result');
  expect(items?.getChild('query', NS.discoItems)?.getChildElements()).toEqual([]);
  expect(unknown?.getChild('error')?.getChild('service-unavailable')).toBeDefined();
  expect(node?.getChild('error')?.getChild('item-not-found')).toBeDefined();
  expect(two?.getChild('error')?.getChild('bad-request')).toBeDefined();
  // XEP-0115 §5.4: what we announce is the hash of what we answer
  const query = info?.getChild('query', NS.discoInfo);
  const { category = '', type = '', name = '' } = query?.getChild('identity')?.attrs ?? {};
  const features = query?.getChildren('feature').map(({ attrs }) => attrs.var ?? '') ?? [];
  const announced = line.elements.find((element) => element.is('presence'))?.getChild('c', NS.capabilities);
  expect(announced?.attrs.ver).toBe(verificationString({ category, type, name }, features));
});

it('makes the verification string of XEP-0115 §5.2', () => {
  const features = ['http://jabber.org/protocol/muc', NS.discoInfo, NS.capabilities, NS.discoItems];
  expect(verificationString({ category: 'client', type: 'pc', name: 'Exodus 0.9.1' }, features)).toBe(
    'QgayPKawpkPSDYmwT/WM94uAlu0=',
  );
});

it('begins a session in order: list, copies, presence, then the archive', async () => {
  const { line } = await setUp({ disco: [NS.archive] });
  await line.expect('a look into the archive', (element) => element.getChild('query', NS.archive) !== undefined);
  const order = line.elements
    .map((element) => (element.is('presence') ? 'presence' : element.getChildElements()[0]?.getNS()))
    .filter((name) => [NS.roster, NS.carbons, 'presence', NS.archive].includes(name as never));
  expect(order).toEqual([NS.roster, NS.carbons, 'presence', NS.archive]);
});

it('asks only for changes of the list where the server can tell them', async () => {
  const storage = memoryStorage(
    new Map([
      ['roster.version', 'v7'],
      [
        'roster.items',
        JSON.stringify([{ jid: 'bob@campus.test', name: 'Bob', groups: [], subscription: 'both', asked: false }]),
      ],
    ]),
  );
  const { ana, line } = await setUp(
    {
      features: `<bind xmlns='${NS.bind}'/><ver xmlns='${NS.rosterVersioning}'/>`,
      on: (connection, element) => {
        if (!element.getChild('query', NS.roster)) return false;
        connection.result(element);
        return true;
      },
    },
    { storage },
  );
  expect(line.elements.find((element) => element.getChild('query', NS.roster))?.getChild('query')?.attrs.ver).toBe(
    'v7',
  );
  expect(ana.set('contactList').contacts.map(({ name }) => name)).toEqual(['Bob']);
});

it('merges what the devices of a person say', async () => {
  const { ana, line } = await setUp(roster('both'));
  const presence = ana.set('presence');
  expect(presence.presenceOf(BOB)).toEqual({ state: 'offline' });
  const say = async (resource: string, inside: string, type = ''): Promise<unknown> => {
    line.write(
      `<presence from='bob@campus.test${resource && `/${resource}`}' ${type && `type='${type}'`}>${inside}</presence>`,
    );
    await workedOff(line);
    return presence.presenceOf(BOB);
  };
  expect(await say('a', '<show>xa</show>')).toEqual({ state: 'away' });
  expect(await say('b', `<show>dnd</show><status>no</status><priority>-1</priority>`)).toEqual({ state: 'away' });
  expect(await say('c', `<show>dnd</show><activities xmlns='${NS.richPresence}'><busy/></activities>`)).toEqual({
    state: 'busy',
  });
  expect(await say('d', "<show>chat</show><idle xmlns='urn:xmpp:idle:1' since='2026-01-02T03:04:05Z'/>")).toEqual({
    state: 'available',
    idleSince: Date.parse('2026-01-02T03:04:05Z'),
  });
  expect(await say('e', '<show>away</show><priority>5</priority>')).toEqual({ state: 'away' });
  expect(await say('e', '', 'unavailable')).toMatchObject({ state: 'available' });
  expect(await say('', '', 'unavailable')).toEqual({ state: 'offline' });
  expect(presence.presenceOf('xmpp:stranger@campus.test')).toEqual({ state: 'unknown' });
});

it('knows nothing of others any more when it leaves, and says so', async () => {
  const { ana, line } = await setUp(roster('both'));
  line.write("<presence from='bob@campus.test/a'/>");
  await ana.sees(BOB, ({ state }) => state === 'available');
  const gone = next(ana.set('presence').onPresence);
  await ana.provider.stop();
  expect(await gone).toEqual({ address: BOB, presence: { state: 'unknown' } });
});

it('publishes again after a new login what was published last', async () => {
  const { server, ana, line } = await setUp();
  await ana.set('presence').publish({ state: 'away', note: 'lunch' });
  line.socket.destroy();
  const second = await server.connection(1);
  const presence = await second.expect('presence', (element) => element.is('presence'));
  expect([presence.getChildText('show'), presence.getChildText('status')]).toEqual(['away', 'lunch']);
});

it('keeps a request until it is answered or taken back', async () => {
  const { ana, line } = await setUp();
  const list = ana.set('contactList');
  line.write(
    "<presence type='subscribe' from='bob@campus.test/x'><nick xmlns='http://jabber.org/protocol/nick'>Bob</nick><status>me</status></presence>",
  );
  line.write(
    "<presence type='subscribe' from='bob@campus.test'><status>me</status></presence><presence type='subscribe' from='eve@campus.test'/>",
  );
  await workedOff(line);
  expect(list.requests).toEqual([{ address: BOB, note: 'me' }, { address: 'xmpp:eve@campus.test' }]);
  line.write("<presence type='unsubscribe' from='eve@campus.test'/>");
  await workedOff(line);
  await list.answerRequest(BOB, 'accept');
  expect(list.requests).toEqual([]);
  expect(line.elements.find(({ attrs }) => attrs.type === 'subscribed')?.attrs.to).toBe('bob@campus.test');
});
