import { defineConfig } from "vitest/config";

/**
 * What makes namespaces and sends through them: a file after the other. Beside another a sender changes processors, and the kernel's own
 * backlogs put packets out of order.
 */
const LIVE = [
  "test/{live,conformance,kernel,linux}/**/*.test.ts",
  "test/cli/replay.test.ts",
  "test/datapath/replay-record.test.ts",
];

export default defineConfig({
  test: {
    globalSetup: ["test/build.setup.ts"],
    testTimeout: 60_000,
    // What gateways say in tests is read by people when a test fails; test/cli/log.test.ts reads the records.
    env: { SPANGATE_LOG: "text" },
    projects: [
      {
        extends: true,
        test: {
          name: "library",
          include: ["test/**/*.test.ts"],
          exclude: LIVE,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "live", include: LIVE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
