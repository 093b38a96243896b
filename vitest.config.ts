import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{msrp,protocols,sip,xmpp,core,contract,main,scripts}/**/*.test.ts'],
          environment: 'node',
          // no test waits for time; a slow machine with two cores may take long all the same
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        plugins: [react()],
        test: {
          name: 'renderer',
          include: ['test/renderer/**/*.test.{ts,tsx}'],
          environment: 'jsdom',
          testTimeout: 30_000,
        },
      },
      {
        // real Kamailio, OpenLDAP and Prosody, started once for the whole project
        test: {
          name: 'servers',
          // one after another: people of one project must not meet those of another on the loopback's own network
          sequence: { groupOrder: 1 },
          include: ['test/servers/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['test/servers/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
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
