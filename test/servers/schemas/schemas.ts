import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const RFC = fileURLToPath(new URL('rfc/', import.meta.url));
const BATCH = 200;

/**
 * What xmllint holds against these documents by the schemas of their RFCs; empty when all are valid. IMDN has a RelaxNG schema, all
 * others are looked up by the namespace of their root.
 */
export const faultsOf = (documents: readonly string[], schema: 'imdn' | 'others' = 'others'): string[] => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aims-schemas-'));
  try {
    const files = documents.map((document, nth) => {
      const file = path.join(folder, `${nth}.xml`);
      writeFileSync(file, document);
      return file;
    });
    const by = schema === 'imdn' ? ['--relaxng', `${RFC}imdn.rng`] : ['--schema', `${RFC}all.xsd`];
    const faults: string[] = [];
    for (let at = 0; at < files.length; at += BATCH) faults.push(...lint([...by, ...files.slice(at, at + BATCH)]));
    return faults.map((fault) => {
      const nth = /(\d+)\.xml/.exec(fault)?.[1];
      return `${fault.replace(folder, '')} in ${nth === undefined ? '' : documents[Number(nth)]}`;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const lint = (options: readonly string[]): string[] => {
  try {
    execFileSync('xmllint', ['--noout', '--nonet', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
    return [];
  } catch (error) {
    const { stderr } = error as { stderr: Buffer | undefined };
    if (!stderr) throw error;
    return stderr
      .toString()
      .split('\n')
      .filter((line) => /error|fails to/.test(line));
  }
};
