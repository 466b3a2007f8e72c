// What the doctor makes of the unit that starts the gateway, and of files that are not for everybody: rows of what `systemctl show` says.

import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { fileFindings } from "../../src/doctor/files.js";
import type { Finding } from "../../src/doctor/index.js";
import { memlockFindings, openFileFindings, privilegeFindings } from "../../src/doctor/machine.js";
import { diskFindings, socketFindings, userFindings } from "../../src/doctor/places.js";
import { startOf } from "../../src/doctor/start.js";
import { findUnit, type Unit, unitFindings } from "../../src/doctor/unit.js";
import { findUser } from "../../src/linux/index.js";
import { ownFolder } from "../cli/command.js";

/** As systemd 252 shows the unit that comes with Spangate. */
const SHOWN = {
  ExecStart:
    "{ path=spangate ; argv[]=spangate run /etc/spangate/gateway.yaml --replace ; ignore_errors=no ; start_time=[n/a] ; status=0/0 }",
  LimitNOFILE: "65536",
  LimitMEMLOCKSoft: "infinity",
  CapabilityBoundingSet:
    "cap_chown cap_setgid cap_setuid cap_net_admin cap_net_raw cap_ipc_lock cap_perfmon cap_bpf",
  AmbientCapabilities: "",
  User: "",
  Group: "nogroup",
  ReadWritePaths: "",
  ProtectHome: "yes",
  ProtectSystem: "strict",
  RuntimeDirectory: "spangate",
  StateDirectory: "spangate",
  LoadState: "loaded",
  NeedDaemonReload: "no",
};
type Shown = Partial<typeof SHOWN>;

const shownAs = (more: Shown) => () =>
  Object.entries({ ...SHOWN, ...more })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
const unitOf = (more: Shown = {}): Unit => findUnit(undefined, shownAs(more)).unit!;
const startOfUnit = (more: Shown = {}) => startOf(unitOf(more));

const BASE = {
  tunnel: { interface: "eth0", addresses: ["192.0.2.1"] },
  user: "nobody",
  api: {},
  sniffers: [{ name: "ids", deliver: "mac", mac: "02:00:00:00:0a:01" }],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["ids"] }],
};

function configOf(more: object = {}): LiveGatewayConfig {
  const { config, mistakes } = parseConfig(JSON.stringify({ ...BASE, ...more }), "gateway.yaml", {
    live: true,
  });
  expect(mistakes).toBeUndefined();
  return config as LiveGatewayConfig;
}

const DROP_IN = "/etc/systemd/system/spangate.service.d";
const dropIn = (...words: string[]) =>
  `mkdir -p ${DROP_IN} && printf '%s\\n' '[Service]' ${words.join(" ")} >> ${DROP_IN}/zz-doctor.conf && systemctl daemon-reload`;
const wrong = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== "ok");
const isRoot = process.getuid?.() === 0;

describe.skipIf(process.platform !== "linux")("the unit", () => {
  const fails = (code?: string) => () => {
    throw Object.assign(new Error("it fails"), { code });
  };

  test("is looked at where it is installed, and the finding says so", () => {
    const { unit, finding } = findUnit(undefined, shownAs({}));
    expect(finding).toEqual({
      check: "unit",
      level: "ok",
      text: "what spangate.service has is looked at, and not this shell: spangate run /etc/spangate/gateway.yaml --replace",
    });
    expect(unit).toMatchObject({ user: undefined, memlock: Number.POSITIVE_INFINITY, files: 65_536 });
    expect(unit!.writable).toEqual(["/run/spangate", "/var/lib/spangate"]);
  });

  test.each([
    [undefined, fails("ENOENT"), "ok", /no systemctl here: what this shell has is looked at/],
    [undefined, fails(), "ok", /systemd does not answer here: what this shell has is looked at/],
    [undefined, shownAs({ LoadState: "not-found" }), "ok", /there is no spangate\.service: what this shell/],
    [false, fails(), "ok", /none is asked about/],
    ["other", shownAs({ LoadState: "not-found" }), "bad", /there is no other\.service/],
    ["other.service", fails("ENOENT"), "bad", /no systemctl here/],
    [undefined, shownAs({ LoadState: "masked" }), "bad", /says of spangate\.service: masked/],
  ] as const)("%s: the shell is looked at, and that is said (%#)", (wanted, show, level, text) => {
    const { unit, finding } = findUnit(wanted, show);
    expect(unit).toBeUndefined();
    expect(finding).toMatchObject({ check: "unit", level, text: expect.stringMatching(text) });
  });

  test("with files that systemd has not read, or another configuration", () => {
    expect(unitFindings(unitOf(), "/etc/spangate/gateway.yaml")).toEqual([]);
    expect(unitFindings(unitOf({ NeedDaemonReload: "yes" }), undefined)).toMatchObject([
      { level: "warn", mend: "systemctl daemon-reload" },
    ]);
    expect(unitFindings(unitOf(), "/tmp/other.yaml")).toMatchObject([
      { level: "warn", text: expect.stringMatching(/does not start with \/tmp\/other\.yaml.*--no-unit/) },
    ]);
  });

  test("as it comes with Spangate: nothing is wrong with it", () => {
    const config = configOf();
    const start = startOfUnit();
    expect(
      wrong([
        ...privilegeFindings(config, undefined, start),
        ...memlockFindings(start),
        ...openFileFindings(config, start),
        ...userFindings(config, start),
        ...socketFindings(config, start),
        ...diskFindings(config, start),
      ]),
    ).toEqual([]);
  });

  const lessIpcLock = SHOWN.CapabilityBoundingSet.replace(" cap_ipc_lock", "");
  test.each([
    [{ LimitMEMLOCKSoft: "8388608" }, "ok", undefined],
    [
      { LimitMEMLOCKSoft: "8388608", CapabilityBoundingSet: lessIpcLock },
      "bad",
      dropIn("LimitMEMLOCK=infinity"),
    ],
    [{ LimitMEMLOCKSoft: "999999999", CapabilityBoundingSet: lessIpcLock }, "ok", undefined],
  ])("locked memory, %j: %s", (more, level, mend) => {
    expect(memlockFindings(startOfUnit(more))).toEqual([
      {
        check: "locked memory",
        level,
        text: expect.stringContaining("spangate.service"),
        ...(mend && { mend }),
      },
    ]);
  });

  test("open files", () => {
    const directory = "/var/lib/spangate/captures";
    const sniffers = Array.from({ length: 1000 }, (_, i) => ({ name: `s${i}`, deliver: "pcap", directory }));
    const tenants = [{ ...BASE.tenants[0], sniffers: sniffers.map(({ name }) => name) }];
    const many = configOf({ sniffers, tenants });
    expect(openFileFindings(many, startOfUnit({ LimitNOFILE: "1024" }))).toMatchObject([
      { level: "bad", mend: dropIn("LimitNOFILE=65536") },
    ]);
    expect(openFileFindings(configOf(), startOfUnit({ LimitNOFILE: "1024" }))).toMatchObject([
      { level: "ok" },
    ]);
    const shell = "Max open files            1024                 1024                 files\n";
    expect(openFileFindings(many, startOf(undefined, shell))).toMatchObject([
      { level: "bad", mend: "ulimit -n 65536" },
    ]);
    expect(openFileFindings(many, startOf(undefined, shell.replace(/1024 /g, "9999 ")))).toMatchObject([
      { level: "ok" },
    ]);
  });

  test.each([
    ["cap_bpf", {}, "CapabilityBoundingSet=CAP_BPF"],
    // The change of user takes these.
    ["cap_setuid", {}, "CapabilityBoundingSet=CAP_SETUID"],
    ["cap_chown", {}, "CapabilityBoundingSet=CAP_CHOWN"],
    ["cap_setuid", { user: undefined }, undefined],
    ["cap_chown", { api: undefined }, undefined],
  ])("without %s, %j", (name, more, setting) => {
    const bounding = SHOWN.CapabilityBoundingSet.replace(`${name} `, "").replace(` ${name}`, "");
    const findings = privilegeFindings(
      configOf(more),
      undefined,
      startOfUnit({ CapabilityBoundingSet: bounding }),
    );
    expect(wrong(findings)).toEqual(
      setting === undefined
        ? []
        : [
            {
              check: "capabilities",
              level: "bad",
              text: `spangate.service lacks ${name.slice(4).toUpperCase()}, which \`run\` takes at its start`,
              mend: dropIn(setting),
            },
          ],
    );
  });

  test.each([
    [{ User: "daemon" }, { user: "nobody" }, "bad"],
    [{ User: "root" }, { user: "nobody" }, "warn"],
    [{ User: "nobody" }, { user: "nobody", sealed: true }, "bad"],
    [{ User: "nobody" }, { user: "nobody" }, undefined],
    [{ User: "" }, { user: "nobody", sealed: true }, undefined],
  ])("%j, %j", (more, config, level) => {
    const findings = wrong(userFindings(configOf(config), startOfUnit(more)));
    expect(findings.map((each) => [each.level, each.mend])).toEqual(
      level === undefined ? [] : [[level, dropIn("User=")]],
    );
  });

  test("that starts as another user has that one's ambient capabilities", () => {
    const ambient = "cap_net_admin cap_net_raw cap_perfmon cap_bpf";
    const ask = (AmbientCapabilities: string) =>
      privilegeFindings(configOf(), undefined, startOfUnit({ User: "nobody", AmbientCapabilities }));
    expect(ask(ambient)).toMatchObject([{ level: "ok" }]);
    expect(ask(ambient.replace(" cap_perfmon", ""))).toMatchObject([
      { level: "bad", mend: dropIn("CapabilityBoundingSet=CAP_PERFMON", "AmbientCapabilities=CAP_PERFMON") },
    ]);
  });

  test("of a group that is not there", () => {
    expect(wrong(userFindings(configOf(), startOfUnit({ Group: "no-such-group" })))).toMatchObject([
      { level: "bad", mend: "groupadd --system no-such-group" },
    ]);
  });

  test.each([
    ["/srv/spangate", {}, true],
    ["/srv/spangate", { ReadWritePaths: "/srv" }, false],
    ["/srv/spangate", { ReadWritePaths: "/srv/span" }, true],
    ["/srv/spangate", { ReadWritePaths: "-/srv/spangate" }, false],
    ["/srv/spangate", { ProtectSystem: "full" }, false],
    ["/var/lib/spangate/captures", {}, false],
  ])("that is to write in %s, with %j", (folder, more, isKept) => {
    const mend = dropIn(`ReadWritePaths=${folder}`);
    const api = { socket: `${folder}/api.sock` };
    const sniffers = [{ name: "ids", deliver: "pcap", directory: folder }];
    const mends = (findings: readonly Finding[]) => findings.map((each) => each.mend);
    const start = startOfUnit(more);
    expect(mends(socketFindings(configOf({ api }), start)).includes(mend)).toBe(isKept);
    expect(mends(diskFindings(configOf({ sniffers }), start)).includes(mend)).toBe(isKept);
  });

  test("between UDP sockets nothing is needed", () => {
    const udp = {
      tunnel: { ...BASE.tunnel, backend: "udp" },
      delivery: { interface: "eth1", backend: "udp" },
      user: undefined,
      sniffers: [{ name: "ids", deliver: "vxlan", to: "192.0.2.9", vni: 7 }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan" }], sniffers: ["ids"] }],
    };
    const none = startOfUnit({ CapabilityBoundingSet: "" });
    expect(privilegeFindings(configOf(udp), undefined, none)).toMatchObject([{ level: "ok" }]);
    expect(privilegeFindings(configOf(), undefined, none)).toMatchObject([{ level: "bad" }]);
  });
});

describe.skipIf(process.platform !== "linux" || !isRoot)("files", () => {
  const top = ownFolder();
  chmodSync(top, 0o755);
  const nobody = isRoot ? findUser("nobody") : { uid: 0, gid: 0 };
  let runs = 0;
  const shell = startOf(undefined);

  interface Place {
    readonly folder?: number;
    readonly mode?: number;
    readonly uid?: number;
    readonly gid?: number;
  }

  /** A file in a folder of its own. */
  function place({ folder = 0o755, mode = 0o640, uid = 0, gid = 0 }: Place = {}): string {
    const own = join(top, `place-${++runs}`);
    mkdirSync(own);
    const file = join(own, "file");
    writeFileSync(file, "");
    chmodSync(file, mode);
    chownSync(file, uid, gid);
    chmodSync(own, folder);
    return file;
  }
  const configurationOf = (file: string, start = shell, more: object = {}) =>
    fileFindings(configOf(more), file, start).filter(({ check }) => check === "configuration");

  test.each([
    [{ mode: 0o644 }],
    [{ mode: 0o640, gid: nobody.gid }],
    [{ mode: 0o600, uid: nobody.uid }],
  ] as const)("a configuration that its user may read: %j", (how) => {
    expect(configurationOf(place(how))).toMatchObject([{ level: "ok" }]);
  });

  test.each([
    [{ mode: 0o640 }, (file: string) => `chgrp nogroup ${file} && chmod g+r ${file}`],
    [{ mode: 0o600 }, (file: string) => `chgrp nogroup ${file} && chmod g+r ${file}`],
    // Of its own it is the owner's bits that count.
    [{ mode: 0o044, uid: nobody.uid }, undefined],
    [
      { mode: 0o644, folder: 0o700 },
      (file: string) => `chgrp nogroup ${join(file, "..")} && chmod g+rx ${join(file, "..")}`,
    ],
    // It is watched, so its folder is read.
    [
      { mode: 0o644, folder: 0o711 },
      (file: string) => `chgrp nogroup ${join(file, "..")} && chmod g+rx ${join(file, "..")}`,
    ],
  ] as const)("one that it may not: %j", (how, mend) => {
    const file = place(how);
    expect(configurationOf(file)).toMatchObject([
      {
        level: "warn",
        text: expect.stringMatching(/^nobody may not read .*does not come into force$/),
        ...(mend && { mend: mend(file) }),
      },
    ]);
  });

  test("in somebody else's folder: it has to move", () => {
    const file = place({ mode: 0o644 });
    chownSync(join(file, ".."), 12_345, 12_345);
    chmodSync(join(file, ".."), 0o700);
    expect(configurationOf(file)).toMatchObject([
      { level: "warn", mend: `install -D -m 640 -g nogroup ${file} /etc/spangate/file` },
    ]);
  });

  test("a gateway that stays root reads it", () => {
    expect(configurationOf(place(), shell, { user: undefined })).toMatchObject([{ level: "ok" }]);
  });

  test("the unit's root reads what modes let it, and no more", () => {
    const start = startOfUnit();
    expect(configurationOf(place({ gid: nobody.gid }), start)).toMatchObject([{ level: "ok" }]);
    const file = place({ mode: 0o600, uid: nobody.uid });
    expect(configurationOf(file)).toMatchObject([{ level: "ok" }]);
    expect(configurationOf(file, start)).toMatchObject([
      {
        level: "bad",
        text: expect.stringMatching(/^spangate\.service, as it starts, may not read .*CAP_DAC_READ_SEARCH$/),
        mend: `chgrp nogroup ${file} && chmod g+r ${file}`,
      },
    ]);
    const all = { CapabilityBoundingSet: `${SHOWN.CapabilityBoundingSet} cap_dac_read_search` };
    expect(configurationOf(file, startOfUnit(all))).toMatchObject([{ level: "ok" }]);
  });

  test("token and TLS files are read by whoever starts it, and not by its user", () => {
    const [token, certificate, key] = [
      place({ mode: 0o600 }),
      place({ mode: 0o644 }),
      place({ mode: 0o600, uid: nobody.uid }),
    ];
    const listen = { port: 9464, token, tls: { certificate, key } };
    const config = configOf({ api: { listen } });
    const found = (start = shell) =>
      fileFindings(config, place({ mode: 0o644 }), start).map(({ check, level }) => [check, level]);
    expect(found()).toEqual([
      ["configuration", "ok"],
      ["token", "ok"],
      ["certificate", "ok"],
      ["key", "ok"],
    ]);
    expect(found(startOfUnit())).toContainEqual(["key", "bad"]);
    expect(found(startOfUnit())).toContainEqual(["token", "ok"]);
  });

  test("a token that is not there, and one at home", () => {
    const ask = (token: string) =>
      fileFindings(
        configOf({ api: { listen: { port: 9464, token } } }),
        place({ mode: 0o644 }),
        startOfUnit(),
      );
    expect(wrong(ask(`${top}/none`))).toMatchObject([
      {
        check: "token",
        level: "bad",
        mend: `openssl rand -hex 32 | install -m 640 -g nogroup /dev/stdin ${top}/none`,
      },
    ]);
    expect(wrong(ask("/root"))).toMatchObject([
      { check: "token", level: "bad", mend: dropIn("ProtectHome=read-only") },
    ]);
  });
});
