import type { TestProject } from 'vitest/node';
import { type CampusDescription, startTemporary } from '../../campus/campus.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    campus: CampusDescription;
  }
}

/**
 * Starts the campus once for all tests of the project; they find it with `campus()` of campus.ts. Fails with the names of the
 * missing packages and the command that installs them. The servers end with this process, however it ends.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { description, stop } = await startTemporary();
  project.provide('campus', description);
  return stop;
}
