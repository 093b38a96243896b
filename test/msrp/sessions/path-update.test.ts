import { describe, expect, it } from 'vitest';
import { TestRelay } from '../support/relay.ts';
import { behind, lose, reached } from '../support/relay-clients.ts';
import { endpoint, Mailbox } from '../support/support.ts';

describe('another path of the peer', () => {
  it('is not for a session that has not begun', async () => {
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    expect(() => session.update({ remotePath: 'msrp://127.0.0.1:9/x;tcp', role: 'active' })).toThrow(
      expect.objectContaining({ code: 'session-closed' }),
    );
  });

  it('is taken without a relay of ours where the connection there is leads to it', async () => {
    const relay = await TestRelay.open();
    const bob = await behind(relay);
    const own = endpoint();
    const ana = own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const starting = bob.session.start({ remotePath: ana.localPath, role: 'passive' });
    await ana.start({ remotePath: bob.session.localPath, role: 'active' });
    await starting;
    await lose(relay, bob);
    await reached(bob.session, 'moved');
    const elsewhere = bob.session.localPath.replace(/:\d+\//, ':9/');
    expect(() => ana.update({ remotePath: elsewhere, role: 'active' })).toThrow(
      expect.objectContaining({ code: 'path-mismatch' }),
    );
    expect(() => ana.update({ remotePath: 'sip:x', role: 'active' })).toThrow(
      expect.objectContaining({ code: 'invalid-uri' }),
    );
    ana.update({ remotePath: bob.session.localPath, role: 'active' });
    // who comes by the new path has been told it
    await reached(bob.session, 'bound');
    ana.send({ contentType: 'text/plain', body: 'by the new path' });
    expect((await bob.mailbox.next()).bytes.toString()).toBe('by the new path');
  });
});
