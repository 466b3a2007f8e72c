// What a process may still do after it became a user: asked of a process of its own, for there is no way back.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { type Capabilities, findUser } from "../../src/linux/index.js";
import { asRoot, Namespace } from "./namespace.js";

const PROGRAM = fileURLToPath(new URL("become-user.mjs", import.meta.url));

const LINUX = fileURLToPath(new URL("../../dist/src/linux/index.js", import.meta.url));
const BEFORE_THE_POOL = `
  const fs = require("node:fs");
  const tasks = () => fs.readdirSync("/proc/self/task");
  const { becomeUser } = require(process.argv[1]);
  const before = tasks().length;
  becomeUser("nobody");
  fs.stat("/", () => {
    const held = (task) => /CapEff:\\s*(\\w+)/.exec(fs.readFileSync("/proc/self/task/" + task + "/status", "utf8"))[1];
    console.log(JSON.stringify({ before, after: tasks().map(held) }));
  });`;

/** NET_ADMIN, NET_RAW, IPC_LOCK and BPF: bits 12, 13, 14 and 39 of capability.h. */
const FOUR = "0000008000007000";
const NONE = "0000000000000000";
const NAMES = ["NET_ADMIN", "NET_RAW", "IPC_LOCK", "BPF"];

interface Status {
  readonly main?: boolean;
  readonly Name: string;
  readonly Uid: string;
  readonly Gid: string;
  readonly Groups: string;
  readonly CapPrm: string;
  readonly CapEff: string;
  readonly CapInh: string;
  readonly CapAmb: string;
  readonly CapBnd: string;
  readonly NoNewPrivs: string;
}

interface State {
  readonly capabilities: Capabilities;
  readonly threads: readonly Status[];
  readonly worker: Capabilities;
  readonly child: Status;
  readonly errors: Readonly<Record<string, string>>;
}

asRoot("becoming a user", () => {
  afterAll(() => Namespace.removeAll());

  test("root becomes nobody, with all threads", () => {
    const { uid, gid } = findUser("nobody");
    const namespace = Namespace.create("user");
    const { user, after, dropped } = JSON.parse(namespace.run(process.execPath, PROGRAM, "nobody")) as {
      user: unknown;
      after: State;
      dropped: State;
    };
    expect(user).toEqual({ uid, gid, groups: [gid] });

    const ids = { Uid: four(uid), Gid: four(gid), Groups: String(gid) };
    const inheritsNothing = { CapInh: NONE, CapAmb: NONE };
    for (const [state, capabilities, set] of [
      [after, NAMES, FOUR],
      [dropped, [], NONE],
    ] as const) {
      expect(state.capabilities).toEqual({ effective: capabilities, permitted: capabilities });
      expect(state.worker).toEqual(state.capabilities);
      // V8's, libuv's pool of four, and the main one.
      expect(state.threads.length).toBeGreaterThan(6);
      for (const thread of state.threads) {
        const held = thread.main ? set : NONE;
        expect(thread).toMatchObject({ ...ids, ...inheritsNothing, CapPrm: held, CapEff: held });
      }
      expect(state.threads.find(({ main }) => main)).toMatchObject({ CapBnd: FOUR, NoNewPrivs: "1" });
      const program = { CapPrm: NONE, CapEff: NONE, CapBnd: FOUR, NoNewPrivs: "1" };
      expect(state.child).toMatchObject({ ...ids, ...inheritsNothing, ...program });
    }
    expect(after.errors).toEqual({ rawSocket: "", resolve: "", shadow: "EACCES" });
    const refused = { rawSocket: "NOT_PERMITTED", resolve: "NOT_PERMITTED" };
    expect(dropped.errors).toEqual({ ...refused, shadow: "EACCES" });
  });

  test("threads of libuv's pool are never born with capabilities", () => {
    // The loader of modules starts the pool, that of CommonJS does not.
    const { before, after } = JSON.parse(
      execFileSync(process.execPath, ["-e", BEFORE_THE_POOL, LINUX], { encoding: "utf8", stdio: "pipe" }),
    ) as { before: number; after: string[] };
    expect(after.length).toBe(before + 4);
    expect(after.filter((held) => held === FOUR)).toHaveLength(1);
    expect(after.filter((held) => held === NONE)).toHaveLength(before + 3);
  });

  const unprivileged = ["--reuid", "nobody", "--regid", String(findUser("nobody").gid), "--clear-groups"];

  test("a service with ambient capabilities keeps four of them", () => {
    const given = "+net_admin,+net_raw,+bpf,+ipc_lock,+sys_admin";
    const args = [...unprivileged, "--inh-caps", given, "--ambient-caps", given];
    const output = execFileSync("setpriv", [...args, process.execPath, PROGRAM, "nobody"], {
      encoding: "utf8",
    });
    const { after } = JSON.parse(output) as { after: State };
    expect(after.capabilities).toEqual({ effective: NAMES, permitted: NAMES });
    const main = { CapPrm: FOUR, CapEff: FOUR, CapInh: NONE, CapAmb: NONE, NoNewPrivs: "1" };
    expect(after.threads.find((thread) => thread.main)).toMatchObject(main);
    expect(after.child).toMatchObject({ CapPrm: NONE, CapEff: NONE });
  });

  test.each([
    ["a user who may not", [...unprivileged, process.execPath, PROGRAM, "daemon"], "NOT_PERMITTED"],
    ["a name that is nobody's", ["--", process.execPath, PROGRAM, "no-such-user"], "USAGE"],
  ])("%s fails", (_, args, code) => {
    const { status, stderr } = spawnSync("setpriv", args, { encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toContain(`code: '${code}'`);
  });

  test.each([
    ["setgid", "setgroups"],
    ["setuid", "setresuid"],
  ])("root without %s is told what %s takes", (capability, call) => {
    const limits = [`--bounding-set=-${capability}`, "--inh-caps=-all"];
    const { status, stderr } = spawnSync("setpriv", [...limits, process.execPath, PROGRAM, "nobody"], {
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toContain(
      `Cannot become user nobody: ${call} says EPERM. It takes CAP_SETUID and CAP_SETGID, which root has (under systemd: no User= in the unit).`,
    );
    expect(stderr).toContain("code: 'NOT_PERMITTED'");
  });
});

describe("users", () => {
  const folder = mkdtempSync(join(tmpdir(), "spangate-users-"));
  const [passwd, group] = [join(folder, "passwd"), join(folder, "group")];
  writeFileSync(
    passwd,
    [
      "root:x:0:0:root:/root:/bin/bash",
      "# a comment",
      "spangate:x:990:980::/nonexistent:/usr/sbin/nologin",
      "broken:x:::/:",
      "negative:x:-1:1::/:",
      "wordy:x:0x0:1::/:",
      "",
    ].join("\n"),
  );
  writeFileSync(
    group,
    "root:x:0:\nspangate:x:980:\ncapture:x:970:alice,spangate\nnear:x:960:spangate2,notspangate\nown:x:980:spangate\n",
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  test("has its own group and those that list it", () => {
    expect(findUser("spangate", passwd, group)).toEqual({ uid: 990, gid: 980, groups: [980, 970] });
    expect(findUser("root", passwd, group)).toEqual({ uid: 0, gid: 0, groups: [0] });
  });

  test.each(["alice", "broken", "negative", "wordy", "", "# a comment"])("%j is no user", (name) => {
    expect(() => findUser(name, passwd, group)).toThrowError(expect.objectContaining({ code: "USAGE" }));
  });
});

function four(id: number): string {
  return Array(4).fill(id).join(" ");
}
