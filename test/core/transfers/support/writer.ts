import { PartFile } from '../../../../electron/core/transfers/files/part-file.ts';

// A process that writes a file larger than it may, and says with which code that ended.

async function main(folder: string): Promise<void> {
  // the system's own warning of the limit would end the process before the error is seen
  process.on('SIGXFSZ', () => {});
  const size = 4 * 1024 * 1024;
  const part = await PartFile.create(folder, 'a.bin', { size, hashes: [], ceiling: 0 });
  let code = 'none';
  try {
    for (let at = 0; at < size; at += 65_536) await part.write(Buffer.alloc(65_536, 'a'), at);
    await part.close();
  } catch (error) {
    code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
  const finished = await part
    .finish({
      name: 'a.bin',
      modifiedAt: undefined,
      now: 0,
      signal: new AbortController().signal,
      onProgress: () => {},
      announce: () => {},
    })
    .catch((error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown'));
  process.stdout.write(JSON.stringify({ code, finished, bytesOnDisk: part.runs }));
}

void main(process.argv[2] ?? '');
