// Makes one file of a part of the MSRP library that stands alone, unless the last one is as new as its sources.
// node scripts/msrp-bundle.mjs FILE: the library as one CommonJS file, for Node 18 and later, with nothing else needed.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './prepare.mjs';

function newest(folder) {
  return Math.max(
    ...fs.readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const name = path.join(folder, entry.name);
      return entry.isDirectory() ? newest(name) : fs.statSync(name).mtimeMs;
    }),
  );
}

/** Bundles `msrp/<entry>.ts` as CommonJS for Node 18 and later; resolves to the path of the file. */
export async function bundleMsrp(entry) {
  const outDir = path.join(root, 'node_modules/.cache/msrp');
  const file = path.join(outDir, `${entry}.cjs`);
  const made = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > newest(path.join(root, 'msrp'))) return file;
  const { build } = await import('vite');
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: true,
      target: 'node18',
      outDir,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: {
        input: path.join(root, `msrp/${entry}.ts`),
        output: { format: 'cjs', entryFileNames: `${entry}.cjs`, codeSplitting: false },
      },
    },
    ssr: { noExternal: true },
  });
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [target] = process.argv.slice(2);
  if (target === undefined) throw new Error('Which file is the library to be written to?');
  fs.copyFileSync(await bundleMsrp('index'), target);
}
