import { expect, test } from 'vitest';
import { memoryStorage, person } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';

const contactOf = ({ head }: Received): string => /<(sip:[^@]+)@/.exec(head.get('contact') ?? '')?.[1] ?? '';

test('a text for the binding of a program that was killed reaches its next life: it is no other person', async () => {
  const storage = memoryStorage();
  const begin = async () => {
    const server = await ScriptedServer.open();
    server.handler = (request) => request.answer(request.method === 'SUBSCRIBE' ? 489 : 200);
    const ana = person(
      {
        address: 'sip:ana@campus.test',
        server: { host: '127.0.0.1', port: server.port },
        transport: 'tcp',
        options: { xcapRoot: '' },
      },
      { storage },
    );
    ana.provider.start();
    return { server, ana, binding: contactOf(await server.request('REGISTER')) };
  };
  const killed = await begin();
  const { server, ana, binding } = await begin();
  await ana.reach('online');
  expect(binding).toBe(killed.binding);
  expect(binding).toMatch(/^sip:[0-9a-f]{16}$/);
  server.sendRequest('MESSAGE', `${killed.binding}@127.0.0.1`, ['Content-Type: text/plain'], 'still there?');
  await ana.texts(1);
  expect((await server.until(() => server.answers[0])).start).toMatchObject({ status: 200 });
});
