// Enforces the import table of docs/architecture.md: who may know whom. Fails the build on the first look.
import fs from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';

const root = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '..'));
const builtins = new Set(builtinModules);
const isNode = (name) => name.startsWith('node:') || builtins.has(name.split('/')[0]);

/** Longest matching folder wins. `own` are folders of this repository, `packages` are npm packages ('*' = any prefix match). */
const RULES = {
  msrp: { own: ['msrp'], node: true, packages: [] },
  'protocols/contract': { own: ['protocols/contract'], node: false, packages: [] },
  'protocols/sip': {
    own: ['protocols/sip', 'protocols/contract', 'msrp'],
    node: true,
    packages: ['sip.js', 'sdp-transform', 'saxes', 'parse5', 'bonjour-service'],
  },
  'protocols/xmpp': { own: ['protocols/xmpp', 'protocols/contract'], node: true, packages: ['@xmpp/'] },
  // the registry: the one place that names every protocol
  protocols: { own: ['protocols'], node: false, packages: [] },
  'electron/contract': { own: ['electron/contract'], node: false, packages: ['zod/mini'] },
  'electron/core': {
    own: ['electron/core', 'electron/contract', 'protocols/contract', 'protocols/registry.ts'],
    node: true,
    packages: ['libsql', 'birpc', 'zod/mini'],
  },
  'electron/main': {
    own: ['electron/main', 'electron/contract'],
    node: true,
    packages: ['electron', 'birpc', 'zod/mini'],
  },
  'electron/preload': { own: ['electron/preload', 'electron/contract'], node: false, packages: ['electron'] },
  renderer: {
    own: ['renderer', 'electron/contract', 'assets'],
    node: false,
    packages: [
      'react',
      'react-dom',
      'zustand',
      'birpc',
      'i18next',
      'react-i18next',
      '@base-ui/react',
      '@tanstack/react-virtual',
      'lucide-react',
      'frimousse',
      'emojibase-data',
      'zod/mini',
    ],
  },
};

const under = (file, folder) => file === folder || file.startsWith(`${folder}/`);
const ruleFor = (file) =>
  Object.keys(RULES)
    .filter((folder) => under(file, folder))
    .sort((a, b) => b.length - a.length)[0];

function* sources(dir) {
  for (const entry of fs.readdirSync(path.join(root, dir), { withFileTypes: true })) {
    const name = `${dir}/${entry.name}`;
    if (entry.isDirectory()) yield* sources(name);
    else if (/\.(ts|tsx|mts|mjs)$/.test(entry.name)) yield name;
  }
}

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]\s*\)|^import\s+['"]([^'"]+)['"]/gm;
const faults = [];
for (const folder of ['msrp', 'protocols', 'electron', 'renderer']) {
  for (const file of sources(folder)) {
    const rule = RULES[ruleFor(file)];
    const text = fs.readFileSync(path.join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    for (const match of text.matchAll(IMPORT)) {
      const name = match[1] ?? match[2] ?? match[3];
      let allowed;
      if (name.startsWith('.')) {
        const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), name)).replace(/\?.*$/, '');
        allowed = rule.own.some((own) => under(target, own));
      } else if (isNode(name)) allowed = rule.node;
      else allowed = rule.packages.some((p) => name === p || name.startsWith(p.endsWith('/') ? p : `${p}/`));
      if (!allowed) faults.push(`${file}: may not import ${name}`);
    }
  }
}
if (faults.length) {
  console.error(faults.join('\n'));
  console.error(`${faults.length} import(s) against the table in docs/architecture.md`);
  process.exit(1);
}
console.log('imports: every folder keeps to the table');
