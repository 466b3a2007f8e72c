// The seal, in a process of its own: there is no way back.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { asRoot } from "./namespace.js";

const PROGRAM = fileURLToPath(new URL("seal-program.mjs", import.meta.url));

function run(...args: string[]): unknown {
  return JSON.parse(execFileSync(args[0]!, args.slice(1), { encoding: "utf8" }));
}

asRoot("the seal", () => {
  test("after a change of user no thread has a capability, and what needs one is refused as such", () => {
    expect(run(process.execPath, PROGRAM, "nobody")).toEqual({
      sealable: "",
      held: [],
      resolve: "SEALED",
      message: expect.stringContaining(
        "it takes a capability, and the gateway has given up all (`sealed: true`)",
      ),
    });
  });

  test("cannot hold for root, whose other threads keep what they have", () => {
    const result = run(process.execPath, PROGRAM) as { sealable: string; held: string[] };
    expect(result.sealable).toBe("USAGE");
    expect(result.held.length).toBeGreaterThan(3);
  });

  test("cannot hold for a user with ambient capabilities", () => {
    const unprivileged = ["--reuid", "nobody", "--clear-groups"];
    const ambient = ["--inh-caps", "+net_admin", "--ambient-caps", "+net_admin"];
    const result = run("setpriv", ...unprivileged, ...ambient, process.execPath, PROGRAM, "nobody");
    expect(result).toMatchObject({ sealable: "USAGE" });
  });

  test("holds for a user who has nothing anyway", () => {
    const unprivileged = ["--reuid", "nobody", "--clear-groups"];
    const result = run("setpriv", ...unprivileged, process.execPath, PROGRAM);
    expect(result).toMatchObject({ sealable: "", held: [], resolve: "SEALED" });
  });
});
