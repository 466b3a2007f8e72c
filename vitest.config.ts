import { defineConfig } from "vitest/config";

/** What makes namespaces and sends through them: a file after the other, as each has the machine's processors to itself. */
const LIVE = [
  "test/{live,conformance,kernel,linux}/**/*.test.ts",
  "test/cli/replay.test.ts",
  "test/datapath/replay-record.test.ts",
];

export default defineConfig({
  test: {
    globalSetup: ["test/build.setup.ts"],
    testTimeout: 60_000,
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
