import { availableParallelism } from 'node:os';
import react from '@vitejs/plugin-react';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { patience } from './test/extent.ts';

/** In the whole matrix a test tries ten times as much. */
const unitTimeout = patience(30_000);

/** With a campus of its own (Kamailio, OpenLDAP, Prosody), started once for the whole project. */
const onCampus = (name: string): NonNullable<TestProjectInlineConfiguration['test']> => ({
  name,
  environment: 'node',
  globalSetup: ['test/servers/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
});
/** One file, so nobody meets anybody of another. */
const ALONE = ['test/servers/conformance/xmpp.test.ts', 'test/servers/conformance/sip-tls.test.ts'] as const;
const sideBySide = { maxWorkers: availableParallelism() };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{msrp,protocols,sip,xmpp,core,contract,main,scripts}/**/*.test.ts'],
          environment: 'node',
          // no test waits for time; a slow machine with two cores may take long all the same
          testTimeout: unitTimeout,
          hookTimeout: 30_000,
          ...sideBySide,
        },
      },
      {
        plugins: [react()],
        test: {
          name: 'renderer',
          include: ['test/renderer/**/*.test.{ts,tsx}'],
          environment: 'jsdom',
          testTimeout: 30_000,
          ...sideBySide,
        },
      },
      { test: { ...onCampus('servers-xmpp'), include: [ALONE[0]], ...sideBySide } },
      { test: { ...onCampus('servers-tls'), include: [ALONE[1]], ...sideBySide } },
      {
        test: {
          ...onCampus('servers'),
          // one after another: people of one project must not meet those of another on the loopback's own network
          sequence: { groupOrder: 1 },
          include: ['test/servers/**/*.test.ts'],
          exclude: [...ALONE],
          fileParallelism: false,
        },
      },
      {
        // the real program in real windows
        test: {
          name: 'windows',
          sequence: { groupOrder: 2 },
          include: ['test/windows/*.test.ts'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        // the real program with accounts on the real servers
        test: {
          name: 'campus-windows',
          sequence: { groupOrder: 3 },
          include: ['test/windows/campus/**/*.test.ts'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
