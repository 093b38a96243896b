import { expect, test } from 'vitest';
import { twoPeers } from './support/chat-peers.ts';

const LINES = Array.from({ length: 300 }, (_, line) => `Zażółć gęślą jaźń ${line} 🎓 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩🏽‍💻`);

/** What a person can paste; `as` where it arrives as something else. */
const TEXTS: readonly { what: string; text: string; as?: string }[] = [
  { what: '300 lines', text: LINES.join('\n') },
  { what: '300 lines of Windows', text: LINES.join('\r\n') },
  { what: 'line ends of every kind', text: '\r\n\n\r\n\ra\rb\n\nc\u2028d\u2029e\u0085f\r\n' },
  { what: 'blanks only', text: ' \t ' },
  { what: 'control characters', text: 'a\u0000b\u0007\u001b[31mc\u007fd\u0000' },
  { what: 'a byte order mark', text: '\ufeffa\ufeff' },
  { what: 'beyond the first plane', text: '🎓\u{10ffff}𝄞' },
  { what: 'half surrogates', text: '\ud800a\udc00', as: '\ufffda\ufffd' },
  { what: 'combining and right to left', text: 'e\u0301 שלום \u202etxt\u202c' },
  { what: 'the look of CPIM', text: 'From: <sip:a@b>\r\nTo: <sip:b@a>\r\n\r\nContent-Type: text/html\r\n\r\n<b>x</b>' },
  { what: 'the look of XML', text: '<?xml version="1.0"?><isComposing><state>active</state></isComposing>' },
  { what: 'the look of MSRP', text: '\r\n-------abcdefgh$\r\nMSRP abcdefgh SEND\r\nTo-Path: msrp://x:1/y;tcp\r\n\r\n' },
  { what: 'the look of SIP', text: '\r\n\r\nMESSAGE sip:bob@local SIP/2.0\r\nContent-Length: 0\r\n\r\n' },
  { what: 'percent and backslash', text: '%00%0d%0a \\r\\n \\u0000 \\\\' },
];

test.each(['page', 'session'] as const)('whatever is written arrives by %s as it was', async (mode) => {
  const { ana, bob } = await twoPeers();
  if (mode === 'session') await ana.openSession(bob);
  else bob.alone = false;
  const before = bob.received.length;
  const said = TEXTS.map(({ text }) => ana.say(bob, text));
  for (const { outcome } of said) expect(await outcome).toBe('sent');
  expect(ana.mode(bob)).toBe(mode);
  const arrived = bob.received.slice(before).map(({ id, text }) => [id, text]);
  expect(arrived).toEqual(TEXTS.map(({ text, as = text }, nth) => [said[nth]?.id, as]));
});
