// node scripts/icons.mjs: the pictures of assets/ from their SVG sources, by librsvg's rsvg-convert. Run after changing one.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const assets = path.resolve(import.meta.dirname, '../assets');

function render(svg, png, size) {
  const target = path.join(assets, png);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const source = path.join(assets, svg);
  const result = spawnSync('rsvg-convert', ['-w', String(size), '-h', String(size), '-o', target, source], {
    stdio: 'inherit',
  });
  if (result.error || result.status !== 0) {
    console.error('rsvg-convert could not draw the icons. On Debian it is in the package librsvg2-bin.');
    process.exit(1);
  }
}

render('icon.svg', 'icon.png', 512);
for (const size of [16, 32, 48, 64, 128, 256, 512]) render('icon.svg', `icons/${size}x${size}.png`, size);
for (const name of ['tray', 'tray-unread']) {
  render(`${name}.svg`, `${name}.png`, 16);
  render(`${name}.svg`, `${name}@2x.png`, 32);
}
