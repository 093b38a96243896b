import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const script = path.resolve(import.meta.dirname, '../../scripts/check-imports.mjs');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
});

function check(files: Record<string, string>): { status: number | null; output: string } {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-imports-'));
  folders.push(root);
  for (const folder of ['msrp', 'protocols', 'electron', 'renderer']) fs.mkdirSync(path.join(root, folder));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the import table', () => {
  it.each([
    ['msrp/a.ts', "import { x } from '../protocols/contract/index.ts';"],
    ['msrp/a.ts', "import pkg from 'some-package';"],
    ['protocols/contract/a.ts', "import fs from 'node:fs';"],
    ['protocols/sip/a.ts', "export { x } from '../xmpp/b.ts';"],
    ['protocols/xmpp/a.ts', "import { x } from '../../msrp/index.ts';"],
    ['electron/core/a.ts', "const e = await import('electron');"],
    ['electron/core/a.ts', "import { sip } from '../../protocols/sip/index.ts';"],
    ['electron/main/a.ts', "import type { P } from '../../protocols/contract/index.ts';"],
    ['renderer/a.tsx', "import '../electron/core/core.ts';"],
    ['renderer/a.tsx', "import {\n  readFile,\n} from 'node:fs';"],
  ])('refuses in %s: %s', (file, text) => {
    const { status, output } = check({ [file]: text });
    expect(status).toBe(1);
    expect(output).toContain(`${file}: may not import`);
  });

  it('lets through what it names', () => {
    const { status } = check({
      'msrp/a.ts': "import net from 'node:net';\nimport { b } from './b.ts';",
      'protocols/sip/a.ts': "import { x } from '../../msrp/index.ts';\nimport { UserAgent } from 'sip.js';",
      'protocols/registry.ts': "import { sip } from './sip/index.ts';",
      'electron/core/a.ts': "import { protocols } from '../../protocols/registry.ts';",
      'renderer/a.tsx': "import { callCore } from '../electron/contract/index.ts';\n// import fs from 'node:fs'",
    });
    expect(status).toBe(0);
  });
});
