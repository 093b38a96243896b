import { expect, test } from 'vitest';
import { draft, person } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';

const account = (port: number) =>
  person({
    address: 'sip:ana@campus.test',
    server: { host: '127.0.0.1', port },
    transport: 'tcp',
    options: { xcapRoot: '' },
  });
const usual = (request: Received): void => {
  const challenge = 'WWW-Authenticate: Digest realm="campus.test", nonce="n", qop="auth"';
  if (request.method === 'REGISTER' && !request.head.get('authorization')) request.answer(401, [challenge]);
  else request.answer(request.method === 'SUBSCRIBE' ? 489 : 200);
};
const isRegister = (request: Received, credentials: boolean): boolean =>
  request.method === 'REGISTER' && (request.head.get('authorization') !== undefined) === credentials;

/** Where the server dies: at the first request that fits, before or after it has answered. */
test.each<[string, (request: Received) => boolean, 'before' | 'after']>([
  ['it is asked to register', (request) => isRegister(request, false), 'before'],
  ['it has challenged us', (request) => isRegister(request, false), 'after'],
  ['it checks the password', (request) => isRegister(request, true), 'before'],
  ['it has registered us', (request) => isRegister(request, true), 'after'],
  ['presence is put back', (request) => request.method === 'SUBSCRIBE', 'before'],
])('a server that dies when %s is waited for, and then all is as before', async (_when, fits, moment) => {
  const server = await ScriptedServer.open();
  const ana = account(server.port);
  let isDead = false;
  server.handler = (request) => {
    if (isDead || !fits(request)) {
      usual(request);
      return;
    }
    isDead = true;
    if (moment === 'after') usual(request);
    // what was answered still goes out
    for (const socket of server.sockets) socket.end();
  };
  ana.provider.start();
  const { cause } = await ana.reach('waiting');
  expect(cause.retryable).toBe(true);
  ana.provider.machineEvent('network-changed');
  await ana.reach('online');
  expect(await ana.set('messaging').send('sip:bob@campus.test', draft('again')).outcome).toEqual({ state: 'sent' });
  expect(ana.states.some(({ state }) => state === 'stopped')).toBe(false);
});

test('a server that dies while it is told that we leave does not hold us', async () => {
  const server = await ScriptedServer.open();
  server.handler = usual;
  const ana = account(server.port);
  ana.provider.start();
  await ana.reach('online');
  server.handler = (request) => {
    if (request.head.get('contact')?.includes('expires=0')) for (const socket of server.sockets) socket.destroy();
    else usual(request);
  };
  await ana.provider.stop();
  expect(ana.provider.registration).toEqual({ state: 'offline' });
});

test('a server that is there again in the moment it is lost is asked once', async () => {
  const server = await ScriptedServer.open();
  server.handler = usual;
  const ana = account(server.port);
  ana.provider.start();
  await ana.reach('online');
  for (const socket of server.sockets) socket.destroy();
  await ana.reach('waiting');
  for (const event of ['network-changed', 'wake', 'network-changed'] as const) ana.provider.machineEvent(event);
  await ana.reach('online');
  expect(server.sockets.size).toBe(1);
});

test('a wrong password is found wrong where the password is checked', async () => {
  const server = await ScriptedServer.open();
  server.handler = (request) =>
    request.answer(401, ['WWW-Authenticate: Digest realm="campus.test", nonce="n", qop="auth"']);
  const ana = account(server.port);
  ana.provider.start();
  expect((await ana.reach('stopped')).cause.code).toBe('credentials-rejected');
  const steps = ana.states.flatMap((each) => (each.state === 'connecting' ? [each.step] : []));
  expect(steps.at(-1)).toBe('authenticating');
});
