import { execFile } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(root, 'out/third-party');
const run = promisify(execFile);

interface Component {
  name: string;
  version: string;
  purl: string;
  licenses: { license: { id: string } }[];
  hashes?: { alg: string; content: string }[];
}
let components: Component[];
let notices: string;
beforeAll(async () => {
  await run(process.execPath, ['scripts/build.mjs'], { cwd: root });
  components = JSON.parse(fs.readFileSync(path.join(folder, 'bom.cdx.json'), 'utf8')).components;
  notices = fs.readFileSync(path.join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
}, 180_000);

/** Packages that the source maps of the shipped bundles name: an account of their content by another way. */
function packagesOfMaps(): string[] {
  const maps = ['main', 'preload', 'core', 'renderer/assets'].flatMap((name) => {
    const place = path.join(root, 'out', name);
    return fs
      .readdirSync(place)
      .filter((file) => file.endsWith('.js.map') || file.endsWith('.cjs.map'))
      .map((file) => path.join(place, file));
  });
  const sources = maps.flatMap((map): string[] => JSON.parse(fs.readFileSync(map, 'utf8')).sources);
  const names = sources.flatMap((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? []);
  return [...new Set(names)].sort();
}

describe('what others made and we ship', () => {
  it('is in the bill of materials: every package of every bundle, and what goes beside them', () => {
    const names = new Set(components.map(({ name }) => name));
    expect(packagesOfMaps().filter((name) => !names.has(name))).toEqual([]);
    for (const beside of ['electron', 'libsql', 'detect-libc', '@neon-rs/load']) expect(names).toContain(beside);
    // used to build and to test only
    for (const tool of ['vitest', 'typescript', 'electron-builder', 'playwright-core', 'fast-check']) {
      expect(names).not.toContain(tool);
    }
  });

  it('is named with the version, hash and licence that the lock file and the package have', () => {
    const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
    for (const { name, version, licenses, hashes, purl } of components) {
      expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`);
      const locked = Object.entries<{ version: string; integrity: string }>(lock)
        .filter(([place]) => place.endsWith(`node_modules/${name}`))
        .find(([, entry]) => entry.version === version)?.[1];
      const hash = Buffer.from(hashes?.[0]?.content ?? '', 'hex').toString('base64');
      expect([name, `sha512-${hash}`]).toEqual([name, locked?.integrity]);
      expect(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD']).toContain(licenses[0]?.license.id);
    }
  });

  it('has its licence text in the notices, which the packages carry', () => {
    const sections = notices.split(/^-{78}\n\n(.+)\n\n-{78}\n/m).slice(1);
    const texts = new Map<string, string>();
    for (let at = 0; at < sections.length; at += 2) texts.set(sections[at] ?? '', sections[at + 1] ?? '');
    for (const { name, version, licenses } of components) {
      const text = texts.get(`${name} ${version} (${licenses[0]?.license.id})`) ?? '';
      expect([name, /permission|redistribution|license/i.test(text), text.length > 500]).toEqual([name, true, true]);
    }
    const builder = fs.readFileSync(path.join(root, 'electron-builder.yml'), 'utf8');
    expect(builder).toMatch(/extraResources:\n {2}- from: out\/third-party\n {4}to: third-party\n/);
  });
});

describe('npm run audit:shipped', () => {
  /** What a registry answers, and what it was asked. */
  async function audit(answer: (response: http.ServerResponse) => void) {
    let asked = '';
    const server = http.createServer((request, response) => {
      request.on('data', (data) => {
        asked += data;
      });
      request.on('end', () => {
        expect([request.method, request.url]).toEqual(['POST', '/some/where/-/npm/v1/security/advisories/bulk']);
        answer(response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/where`;
    const { code, stdout, stderr } = await run(process.execPath, ['scripts/audit-shipped.mjs'], {
      cwd: root,
      env: { ...process.env, npm_config_registry: registry },
    }).then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    return { code, said: stdout + stderr, asked };
  }
  const recorded = fs.readFileSync(path.join(import.meta.dirname, 'advisories.json'), 'utf8');

  it('tells what is known against a shipped version, and nothing that is about another version', async () => {
    const { code, said, asked } = await audit((response) => response.end(recorded));
    expect(Object.keys(JSON.parse(asked)).sort()).toEqual([...new Set(components.map(({ name }) => name))].sort());
    expect(JSON.parse(asked).saxes).toEqual(['6.0.0']);
    expect(said).toContain('high: saxes 6.0.0: A text that is known to be wrong');
    expect(said).not.toContain('zod');
    expect([code, said]).toEqual([1, expect.stringContaining('known against them: 1.')]);
  });

  it('says that nothing is known', async () => {
    const { code, said } = await audit((response) => response.end('{}'));
    expect([code, said]).toEqual([0, `${components.length} packages are shipped. Advisories known against them: 0.\n`]);
  });

  it.each([
    ['refuses', (response: http.ServerResponse) => void response.writeHead(405).end(), '405 Method Not Allowed'],
    ['answers with a page', (response: http.ServerResponse) => void response.end('<html>'), 'no list of advisories'],
    ['hangs up', (response: http.ServerResponse) => void response.destroy(), 'cannot be reached'],
  ])('of a registry that %s says that nothing was checked', async (_what, answer, reason) => {
    const { code, said } = await audit(answer);
    expect([code, said]).toEqual([2, expect.stringContaining(reason)]);
    expect(said).toMatch(/^Nothing was checked: /);
  });
});
