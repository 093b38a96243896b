import { parseArgs } from 'node:util';
import { MsrpError } from '../errors.ts';
import type { Chunking } from '../sending/chunk.ts';

/** What the command line asks for. */
export type Command =
  | {
      readonly name: 'receive';
      readonly out: string;
      readonly count: number;
      readonly host: string;
      readonly port: number;
      readonly certFile: string | undefined;
      readonly keyFile: string | undefined;
    }
  | {
      readonly name: 'send';
      readonly to: string;
      /** Without one it does what standard input says. */
      readonly file: string | undefined;
      readonly chunking: Chunking;
      readonly repeat: number;
      readonly type: string;
      readonly fingerprint: string | undefined;
    };

export const USAGE = `msrp receive --out FILE_OR_FOLDER [--count N] [--host ADDRESS] [--port N] [--tls-cert F --tls-key F]
msrp send --to PATH [FILE] [--chunk whole|relay|BYTES] [--repeat N] [--type MIME] [--fingerprint "sha-256 AA:BB:..."]

Both print JSON lines and take JSON lines: {"command":"send","text":"..."}, {"command":"send","file":"..."},
{"command":"pause"}, {"command":"resume"}, {"command":"abort"}, {"command":"close"}.`;

/** @throws MsrpError `invalid-option` */
export function parseCommand(args: readonly string[]): Command {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: 'string' },
        count: { type: 'string', default: '1' },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '0' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        to: { type: 'string' },
        chunk: { type: 'string', default: 'whole' },
        repeat: { type: 'string', default: '1' },
        type: { type: 'string', default: 'application/octet-stream' },
        fingerprint: { type: 'string' },
      },
    });
    const [name, file] = positionals;
    if (name === 'receive') {
      return {
        name,
        out: required(values.out, '--out'),
        count: wholeNumber(values.count, '--count'),
        host: values.host,
        port: wholeNumber(values.port, '--port'),
        certFile: values['tls-cert'],
        keyFile: values['tls-key'],
      };
    }
    if (name === 'send') {
      return {
        name,
        to: required(values.to, '--to'),
        file,
        chunking:
          values.chunk === 'whole' || values.chunk === 'relay' ? values.chunk : wholeNumber(values.chunk, '--chunk'),
        repeat: wholeNumber(values.repeat, '--repeat'),
        type: values.type,
        fingerprint: values.fingerprint,
      };
    }
    throw new Error('receive or send?');
  } catch (error) {
    throw new MsrpError('invalid-option', `${error instanceof Error ? error.message : ''}\n${USAGE}`);
  }
}

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new Error(`${name} is missing`);
  return value;
}

function wholeNumber(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} takes a whole number`);
  return Number(text);
}
