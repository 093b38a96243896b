import fs from 'node:fs';

// Figures of a tree of processes as Linux itself counts them.

/** The process and all below it. */
export function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(/\) \S (\d+)/.exec(fs.readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // ended while we looked
    }
  }
  const found: number[] = [];
  const visit = (pid: number): void => {
    found.push(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  visit(root);
  return found;
}

/** Proportional memory in MiB: what is shared counts in shares. */
export const proportionalMemory = (root: number): number =>
  tree(root).reduce((sum, pid) => {
    try {
      return sum + Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
    } catch {
      return sum; // ended while we looked
    }
  }, 0);

/** Processor time used so far, in seconds. */
export const processorTime = (root: number): number =>
  tree(root).reduce((sum, pid) => {
    try {
      const fields = fs
        .readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) / 100; // utime and stime, in ticks of 10 ms
    } catch {
      return sum;
    }
  }, 0);
