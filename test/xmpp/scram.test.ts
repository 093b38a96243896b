import { expect, it } from 'vitest';
import { prepare, Scram } from '../../protocols/xmpp/login/scram.ts';

it('says what RFC 7677 §3 says for SHA-256', async () => {
  const scram = new Scram('SCRAM-SHA-256', 'user', 'pencil', { nonce: 'rOprNGfwEbeRWgbNEkqO' });
  expect(scram.first).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const first = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
  expect(await scram.answer(first)).toBe(
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  );
  expect(() => scram.finish('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).not.toThrow();
  expect(() => scram.finish('v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toThrow(
    expect.objectContaining({ code: 'policy', protocolCode: 'server-signature-mismatch' }),
  );
  expect(() => scram.finish('e=other-error')).toThrow(expect.objectContaining({ code: 'policy' }));
});

it('says what RFC 5802 §5 says for SHA-1', async () => {
  const scram = new Scram('SCRAM-SHA-1', 'user', 'pencil', { nonce: 'fyko+d2lbbFgONRv9qkxdawL' });
  const first = 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096';
  expect(await scram.answer(first)).toBe(
    'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
  );
  expect(() => scram.finish('v=rmF9pqV8S7suAoZWja4dJRkFsKQ=')).not.toThrow();
});

it('knows SHA-512', async () => {
  const scram = new Scram('SCRAM-SHA-512', 'user', 'pencil', { nonce: 'abc' });
  const final = await scram.answer('r=abcdef,s=QSXCR+Q6sek8bf92,i=4096');
  expect(Buffer.from(final.replace(/.*,p=/, ''), 'base64')).toHaveLength(64);
});

it('escapes what would end a name', () => {
  expect(new Scram('SCRAM-SHA-1', 'a=b,c', 'x', { nonce: 'n' }).first).toBe('n,,n=a=3Db=2Cc,r=n');
});

it('prepares passwords as SASLprep does', () => {
  expect(prepare('I\u00adX')).toBe('IX');
  expect(prepare('a\u00a0b\u3000c')).toBe('a b c');
  expect(prepare('\u2168\u00aa')).toBe('IXa');
});

it.each([
  ['scram-extension', 'm=x,r=abcd,s=QSXCR+Q6sek8bf92,i=4096'],
  ['scram-nonce', 's=QSXCR+Q6sek8bf92,i=4096'],
  ['scram-salt', 'r=abcd,i=4096'],
  ['scram-iterations', 'r=abcd,s=QSXCR+Q6sek8bf92'],
  ['scram-iterations', 'r=abcd,s=QSXCR+Q6sek8bf92,i=4095'],
  ['scram-iterations', 'r=abcd,s=QSXCR+Q6sek8bf92,i=1e9'],
])('refuses %s', async (reason, first) => {
  await expect(new Scram('SCRAM-SHA-1', 'u', 'p', { nonce: 'abc' }).answer(first)).rejects.toMatchObject({
    protocolCode: reason,
  });
});

it('knows the list of mechanisms by the hash that XEP-0474 §6.3 gives as an example', async () => {
  const first = `r=abcd,s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=`;
  const answer = (mechanisms: string[], channelBindings?: string[]) =>
    new Scram('SCRAM-SHA-1', 'u', 'p', { nonce: 'abc', advertised: { mechanisms, channelBindings } }).answer(first);
  await answer(['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'], ['tls-server-end-point', 'tls-exporter']);
  for (const [mechanisms, bindings] of [
    [['SCRAM-SHA-1'], ['tls-exporter', 'tls-server-end-point']],
    [['SCRAM-SHA-1', 'SCRAM-SHA-1-PLUS'], ['tls-exporter']],
    [['SCRAM-SHA-1', 'SCRAM-SHA-1-PLUS'], undefined],
  ] as const) {
    const refused = answer([...mechanisms], bindings && [...bindings]);
    await expect(refused).rejects.toMatchObject({ code: 'policy', protocolCode: 'scram-downgrade' });
  }
});
