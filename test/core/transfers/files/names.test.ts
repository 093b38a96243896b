import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { iconUrl } from '../../../../electron/core/transfers/files/icon-url.ts';
import { mediaTypeOf } from '../../../../electron/core/transfers/files/media-type.ts';
import { isRiskyName } from '../../../../electron/core/transfers/files/risky-name.ts';
import { numberedName, ownName, safeName } from '../../../../electron/core/transfers/files/safe-name.ts';
import { png } from '../../../contract/pictures/made-pictures.ts';
import { sample } from '../../../extent.ts';

const long = 'reunião '.repeat(60);

describe('a name from outside becomes one that every system can show and write', () => {
  test.each([
    // folders
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\Windows\\System32\\evil.dll', 'evil.dll'],
    ['/etc/shadow', 'shadow'],
    ['C:\\Users\\ana\\a.txt', 'a.txt'],
    ['folder/', 'folder'],
    ['a/..', 'a'],
    ['..', 'file'],
    ['../..', 'file'],
    ['////', 'file'],
    // nothing at all
    ['', 'file'],
    ['   ', 'file'],
    ['...', 'file'],
    ['\u202E\u200F', 'file'],
    // control characters and line ends
    ['a\0b.txt', 'ab.txt'],
    ['a\r\nb.txt', 'ab.txt'],
    ['a\u0085\u2028\u2029b', 'ab'],
    ['\u001B[31mred.txt', '[31mred.txt'],
    // direction marks: this one reads as "photoexe.jpg"
    ['photo\u202Egpj.exe', 'photogpj.exe'],
    ['\u2066a\u2069\u200Eb\u061C.txt', 'ab.txt'],
    ['zero\u200Bwidth\uFEFF.txt', 'zerowidth.txt'],
    // Windows
    ['CON', '_CON'],
    ['con.txt', '_con.txt'],
    ['NUL.tar.gz', '_NUL.tar.gz'],
    ['LPT¹', '_LPT¹'],
    ['CON .txt', '_CON .txt'],
    ['console.txt', 'console.txt'],
    ['Desktop.ini', '_Desktop.ini'],
    ['autorun.inf', '_autorun.inf'],
    ['a<b>c:d"e|f?g*h.txt', 'a_b_c_d_e_f_g_h.txt'],
    ['report.pdf:hidden.exe', 'report.pdf_hidden.exe'],
    ['report.pdf. . .', 'report.pdf'],
    // hidden on Unix
    ['.bashrc', 'bashrc'],
    ['...profile', 'profile'],
    // an extension pushed out of sight
    [`invoice.pdf${' '.repeat(100)}.exe`, 'invoice.pdf .exe'],
    ['a\u00A0\u3000b.txt', 'a b.txt'],
    [`invoice.pdf${'\u3164'.repeat(60)}\u2800.exe`, 'invoice.pdf .exe'],
    ['setup.exe\u3164', 'setup.exe'],
    ['invoice\u034f.p\u{e0064}df', 'invoice.pdf'],
    [`a${'\u0301'.repeat(300)}.txt`, 'á\u0301\u0301\u0301\u0301.txt'],
    // what stays
    ['reunião 😀.pdf', 'reunião 😀.pdf'],
    ['👩\u200D💻.png', '👩\u200D💻.png'],
    ['می\u200Cخواهم.txt', 'می\u200Cخواهم.txt'],
    ['cafe\u0301.txt', 'café.txt'],
    ['cafe\u200B\u0301.txt', 'café.txt'],
    ['100%.txt', '100%.txt'],
    ['lone\uD800.txt', 'lone\uFFFD.txt'],
  ])('%j is %j', (given, expected) => {
    expect(safeName(given)).toBe(expected);
  });

  test('a long one is cut to 200 bytes between characters, and keeps its extension', () => {
    const name = safeName(`${long}.tar.gz`);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
    expect(Buffer.byteLength(name)).toBeGreaterThan(190);
    expect(name).toMatch(/^reunião .*[^ ]\.tar\.gz$/);
    expect(name).not.toContain('\u{FFFD}');
    expect(safeName(`${'😀'.repeat(100)}.pdf`)).toBe(`${'😀'.repeat(49)}.pdf`);
  });

  test('of one of a million characters the end is kept, and the rest costs nothing', () => {
    expect(safeName(`${'. '.repeat(500_000)}report.pdf`)).toBe('report.pdf');
    expect(safeName(`${'a'.repeat(1_000_000)}.pdf`)).toBe(`${'a'.repeat(196)}.pdf`);
  });

  test('an endless extension is no extension', () => {
    const name = safeName(`a.${'x'.repeat(400)}`);
    expect(name).toBe(`a.${'x'.repeat(198)}`);
  });

  test('whatever comes in, what comes out is safe, and safe names stay as they are', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(
        'a',
        'b',
        '.',
        '/',
        '\\',
        ':',
        '\0',
        '\n',
        '\u202E',
        '\u200B',
        ' ',
        '\u{1F600}',
        'CON',
        'é',
        '"',
        '*',
      ),
    });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nasty), (given) => {
        const name = safeName(given);
        return (
          name !== '' &&
          Buffer.byteLength(name) <= 201 &&
          !/[/\\:<>"|?*\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(name) &&
          !/^[. ]|[. ]$/.test(name) &&
          safeName(name) === name
        );
      }),
      sample(300),
    );
  });
});

test.each([
  [1, 'report.pdf', 'report.pdf'],
  [2, 'report.pdf', 'report (2).pdf'],
  [12, 'data.tar.gz', 'data (12).tar.gz'],
  [2, 'README', 'README (2)'],
  [3, 'v1. final version', 'v1. final version (3)'],
])('the name number %i of %j is %j', (attempt, name, expected) => {
  expect(numberedName(name, attempt)).toBe(expected);
});

describe('a risky name', () => {
  test.each([
    'setup.exe',
    'SETUP.EXE',
    'photo.jpg.exe',
    'invoice.pdf.scr',
    'setup.exe.zip',
    'invoice.pdf .exe',
    'run.bat',
    'a.ps1',
    'link.lnk',
    'site.url',
    'place.webloc',
    'tool.desktop',
    'tool.AppImage',
    'install.sh',
    'install.command',
    'disk.dmg',
    'disk.iso',
    'app.jar',
    'grades.xlsm',
    'payload.js',
    'evil.exe.',
    'help.settingcontent-ms',
    'office.rdp',
    'tool.appref-ms',
    'update.msu',
    'try.wsb',
    'game.flatpak',
    'page.xbap',
    'notes.one',
    'grades.xlsb',
    'login.html',
    'login.XHTML',
    'drawing.svg',
    'editor.vsix',
    'keys.ahk',
    'clock.service',
    'mail.pfx',
    'campus.ovpn',
    'authority.crt',
    'lecture.saver',
    'course.shortcut',
  ])('%s is seen as one', (name) => {
    expect(isRiskyName(name)).toBe(true);
  });

  test.each([
    'report.pdf',
    'photo.jpg',
    'notes.txt',
    'exe',
    'archive.tar.gz',
    'README',
    'talk 1.2.odp',
    'my.exe.notes.txt',
    'photo.heic',
    'lecture.mp4',
    'table.csv',
    'thesis.tex',
    'slides.pptx',
    'thesis v1.2.docx',
  ])('%s is not', (name) => {
    expect(isRiskyName(name)).toBe(false);
  });
});

test('the media type comes from the extension, whatever its case', () => {
  expect(mediaTypeOf('Photo.JPEG')).toBe('image/jpeg');
  expect(mediaTypeOf('thesis.pdf')).toBe('application/pdf');
  expect(mediaTypeOf('unknown.xyz')).toBe('application/octet-stream');
  expect(mediaTypeOf('none')).toBe('application/octet-stream');
});

test('an icon is shown only as a small picture of a type that can do nothing else', () => {
  const data = png(64, 48);
  const url = `data:image/png;base64,${data.toString('base64')}`;
  expect(iconUrl({ type: 'image/png', data })).toBe(url);
  // what it is counts, not what it is called
  expect(iconUrl({ type: 'image/svg+xml', data })).toBe(url);
  expect(iconUrl({ type: 'image/png;base64,x', data })).toBe(url);
  expect(iconUrl({ type: 'text/html', data })).toBeNull();
  expect(iconUrl({ type: 'image/png', data: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') })).toBeNull();
  expect(iconUrl({ type: 'image/png', data: Buffer.concat([data, Buffer.alloc(64 * 1024)]) })).toBeNull();
  expect(iconUrl({ type: 'image/png', data: png(20_000, 20_000) })).toBeNull();
  expect(iconUrl({ type: 'image/png', data: Buffer.alloc(0) })).toBeNull();
  expect(iconUrl(undefined)).toBeNull();
});

test('a file of mine is offered under the name it has: quotes, blanks and dots stay, what cannot be seen goes', () => {
  expect(ownName('Ana "the boss"  Sousa?.pdf')).toBe('Ana "the boss"  Sousa?.pdf');
  expect(ownName('.profile')).toBe('.profile');
  expect(ownName('two\nlines\u202Efdp.exe')).toBe('twolinesfdp.exe');
  expect(ownName('\u200B \u0007')).toBe('file');
});
