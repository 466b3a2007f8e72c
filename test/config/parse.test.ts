// gateway.yaml as a whole: DESIGN's example, defaults, and every kind of mistake with its place.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../src/config/addresses.js";
import { formatMistakes, loadConfig, parseConfig } from "../../src/config/load.js";
import { SpangateError } from "../../src/errors.js";

const designPath = new URL("design.yaml", import.meta.url).pathname;
const design = readFileSync(designPath, "utf8");

/** A sound configuration to which a row adds its mistakes. */
const sniffersOf = (...names: string[]) =>
  `sniffers: [${names.map((name) => `{ name: ${name} }`).join(", ")}]\n`;

function mistakesOf(text: string, live = false): string[] {
  const { mistakes = [] } = parseConfig(text, "g.yaml", { live });
  return formatMistakes(mistakes).split("\n").filter(Boolean);
}

describe("DESIGN's example", () => {
  test("is valid, live and offline, in bytes, nanoseconds and bits per second", () => {
    const { config, mistakes } = parseConfig(design, "design.yaml", { live: true });
    expect(mistakes).toBeUndefined();
    expect(config?.decode.reassembly).toEqual({ memory: 2 ** 24, perSource: 2 ** 20, timeout: 5e9 });
    expect(config?.decode.greEthernet).toEqual([0x8949]);
    expect(config?.sniffers[0]).toEqual({
      name: "acme-ids",
      deliver: "mac",
      mac: Uint8Array.of(2, 0, 0, 0, 0x0a, 1),
      vlan: 210,
      queue: 4096,
      overflow: "drop-newest",
      rate: 5e8,
      weight: 1,
      sourceMac: "keep",
    });
    expect(config?.tenants[0]?.addresses).toEqual([
      { family: 4, bytes: Uint8Array.of(10, 1, 0, 0), prefixLength: 16 },
      { family: "mac", bytes: Uint8Array.of(2, 0xaa, 0xbb, 0xcc, 0xdd, 1) },
    ]);
    expect(formatPrefix(config!.sharedSources[0]!.from!)).toBe("10.77.0.0/24");
    expect(parseConfig(design, "design.yaml").config).toEqual(config);
  });

  test("loads from its file", async () => {
    expect((await loadConfig(designPath)).tenants[0]?.name).toBe("acme");
  });
});

test("offline, sniffers and tenants are enough, and a sniffer without deliver is a file", () => {
  const text =
    "sniffers: [{ name: a }]\ntenants: [{ name: t, sources: [{ encapsulation: tzsp }], sniffers: [a] }]";
  const { config } = parseConfig(text, "g.yaml");
  expect(config?.sniffers[0]).toEqual({ name: "a", queue: 1024, overflow: "drop-newest", weight: 1 });
  expect(config?.tunnel.ports.vxlan).toEqual([4789, 8472]);
  expect(config?.senders).toBe("inline");
  expect(config?.tenants[0]).toMatchObject({ fanout: "copy", nonIp: "drop", addresses: [] });
});

/** One mistake in the schema: text, and the one line that it gives. */
const schemaRows: [string, string, string | RegExp][] = [
  ["an empty file", "", /^g\.yaml:1:1 has no value; expected a map of keys/],
  ["broken YAML", "a: [", /^g\.yaml:1:5 .*; expected valid YAML$/],
  [
    "two documents",
    "sealed: true\n---\nsealed: true\n",
    /^g\.yaml:2:1 begins a second document; expected one YAML/,
  ],
  ["an unknown tag", "sealed: !odd true", /^g\.yaml:1:9 Unresolved tag: !odd; expected valid YAML$/],
  ["a key twice", "user: a\nuser: b\n", "g.yaml:2:1 user: is given twice; expected each key once"],
  [
    "a nested key twice",
    "api:\n  socket: a\n  socket: b\n",
    "g.yaml:3:3 api.socket: is given twice; expected each key once",
  ],
  [
    "an unknown key",
    "snifers: []",
    /^g\.yaml:1:1 snifers: is not a known key \(did you mean "sniffers"\?\); expected one of tunnel, /,
  ],
  [
    "an unknown key inside",
    "decode: { checksum: verify }",
    /^g\.yaml:1:11 decode\.checksum: is not a known key \(did you mean "checksums"\?\); expected one of depth, /,
  ],
  ["a key without value", "tunnel:", /^g\.yaml:1:8 tunnel: has no value; expected a map of keys/],
  ["a missing key", "\nquarantine: {}", "g.yaml:2:13 quarantine.file: is missing; expected a file"],
  [
    "an unknown word",
    "decode: { checksums: verfy }",
    'g.yaml:1:22 decode.checksums: is "verfy" (did you mean "verify"?); expected one of verify, ignore',
  ],
  [
    "an unknown mode",
    "sniffers:\n  - { name: a, deliver: vxln }",
    /^g\.yaml:2:25 sniffers\[0\]\.deliver: is "vxln" \(did you mean "vxlan"\?\); expected one of mac, ip, /,
  ],
  ["an entry that is no map", "sniffers: [7]", "g.yaml:1:12 sniffers[0]: is 7; expected a map of keys"],
  [
    "a key of another mode",
    "sniffers: [{ name: a, deliver: tap, interface: tap0, vni: 3 }]",
    /^g\.yaml:1:54 sniffers\[0\]\.vni: is not a known key; expected one of deliver, name,.* interface$/,
  ],
  [
    "a number for a name",
    "sniffers: [{ name: 7 }]",
    /^g\.yaml:1:20 sniffers\[0\]\.name: is 7; .* in quotes if it is/,
  ],
  ["a name with a slash", "sniffers: [{ name: ../x }]", /^g\.yaml:1:20 sniffers\[0\]\.name: is "\.\.\/x"; /],
  [
    "a size without its i",
    "quarantine: { file: f, limit: 5Mib }",
    /limit: is "5Mib", whose unit Mib .* expected 5MiB$/,
  ],
  [
    "a rate without unit",
    "sniffers: [{ name: a, rate: 5 }]",
    /^g\.yaml:1:29 sniffers\[0\]\.rate: is 5; expected a rate/,
  ],
  [
    "a queue of none",
    "sniffers: [{ name: a, queue: 0 }]",
    /queue: is 0; expected an integer from 1 to 65536$/,
  ],
  [
    "half a queue",
    "sniffers: [{ name: a, queue: 1.5 }]",
    /queue: is 1\.5; expected an integer from 1 to 65536$/,
  ],
  ["too many senders", "senders: 33", /^g\.yaml:1:10 senders: is 33; expected an integer from 1 to 32$/],
  [
    "an octal address",
    "tunnel: { addresses: [010.0.0.1] }",
    /addresses\[0\]: is "010\.0\.0\.1"; expected an IPv4 or/,
  ],
  [
    "a multicast address",
    "tunnel: { addresses: ['ff02::1'] }",
    /addresses\[0\]: is "ff02::1", which no host can have/,
  ],
  [
    "an interface of 16",
    "tunnel: { interface: abcdefghijklmnop }",
    /interface: is "abcd.*; expected the name of a netw/,
  ],
  ["not a list", "tenants: none", 'g.yaml:1:10 tenants: is "none"; expected a list of tenants'],
];

test.each(schemaRows)("one mistake: %s", (_, text, line) => {
  const found = mistakesOf(text);
  expect(found).toHaveLength(1);
  if (typeof line === "string") expect(found[0]).toBe(line);
  else expect(found[0]).toMatch(line);
});

/** One mistake in a tenant's source. */
const sourceRows: [string, string, RegExp][] = [
  [
    "session over 10 bits",
    "encapsulation: erspan, session: 1024",
    /\.session: is 1024; .* from 0 to 1023 \(10 bits\)$/,
  ],
  [
    "vni over 24 bits",
    "encapsulation: vxlan, vni: 16777216",
    /\.vni: is 16777216; .* to 16777215 \(24 bits\)$/,
  ],
  ["vsid over 24 bits", "encapsulation: nvgre, vsid: 0x1000000", /\.vsid: is 16777216; .* \(24 bits\)$/],
  ["key over 32 bits", "encapsulation: gre, key: 4294967296", /\.key: is 4294967296; .* \(32 bits\)$/],
  ["a negative id", "encapsulation: geneve, vni: -1", /\.vni: is -1; /],
  ["VLAN 0", "encapsulation: gre, vlan: 0", /\.vlan: is 0; expected an integer from 1 to 4094/],
  ["VLAN 4095", "encapsulation: gre, vlan: 4095", /\.vlan: is 4095; /],
  [
    "another's id",
    "encapsulation: vxlan, session: 5",
    /\.session: is not a known key; expected one of encapsulation, vni,/,
  ],
  [
    "an id without one",
    "encapsulation: hp-erm, vni: 5",
    /\.vni: is not a known key; .* encapsulation, from, vlan$/,
  ],
  [
    "no encapsulation",
    "session: 5",
    /sources\[0\]\.encapsulation: is missing; expected one of erspan, gre, /,
  ],
  [
    "host bits",
    "encapsulation: gre, from: 10.77.0.1/24",
    /\.from: is "10\.77\.0\.1\/24", .* first 24; expected 10\.77\.0\.0\/24, or 10\.77\.0\.1 for that one address$/,
  ],
  ["every source", "encapsulation: gre, from: 0.0.0.0/0", /\.from: matches every source; expected no `from`/],
  ["a length over 32", "encapsulation: gre, from: 10.0.0.0/33", /expected a prefix length from 0 to 32$/],
];

test.each(sourceRows)("one mistake in a source: %s", (_, source, line) => {
  const tenant = `tenants:\n  - name: t\n    sniffers: [a]\n    sources:\n      - { ${source} }\n`;
  const found = mistakesOf(sniffersOf("a") + tenant);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/^g\.yaml:6:\d+ tenants\[0\]\.sources\[0\]/);
  expect(found[0]).toMatch(line);
});

test("mistakes of schema and of cross-checks come together, in the order of their places", () => {
  const text = `
tunnel: { queus: 2 }
sniffers:
  - { name: a, deliver: mac, mac: "01:00:00:00:00:01" }
tenants:
  - { name: x, rate: 5, sniffers: [a], sources: [{ encapsulation: erspan, session: 7 }] }
  - { name: x, sniffers: [b], sources: [{ encapsulation: erspan, session: 7 }, { encapsulation: grr }] }
`;
  const places = parseConfig(text, "g.yaml").mistakes?.map(({ line, path }) => `${line} ${path}`);
  expect(places).toEqual([
    "2 tunnel.queus",
    "4 sniffers[0].mac",
    "6 tenants[0].rate",
    "7 tenants[1].name",
    "7 tenants[1].sniffers[0]",
    "7 tenants[1].sources[0]",
    "7 tenants[1].sources[1].encapsulation",
  ]);
});

test("a mistake within an alias points into what it stands for", () => {
  const text = "sniffers:\n  - &a { name: a, queue: 0 }\n  - *a\n";
  expect(parseConfig(text, "g.yaml").mistakes?.map(({ line, path }) => `${line} ${path}`)).toEqual([
    "2 sniffers[1].name",
    "2 sniffers[0].queue",
    "2 sniffers[1].queue",
  ]);
});

test("aliases that expand without end are refused", () => {
  const levels = ["a", "b", "c", "d"].map((n, i, all) => {
    const entry = i === 0 ? "1" : `*${all[i - 1]}`;
    return `${n}: &${n} [${Array(10).fill(entry).join(", ")}]`;
  });
  expect(mistakesOf(levels.join("\n"))).toEqual([
    expect.stringMatching(/alias.*expected fewer YAML aliases$/),
  ]);
});

test("live needs an interface, tunnel addresses and a way to every sniffer", () => {
  const text = "sniffers:\n  - { name: a }\n  - { name: b, deliver: mac, mac: 02:00:00:00:00:01 }\n";
  expect(mistakesOf(text)).toEqual([]);
  const mistakes = mistakesOf(text, true);
  expect(mistakes.map((line) => line.split(";")[0])).toEqual([
    "g.yaml:1:1 tunnel.interface: is missing for a live gateway",
    "g.yaml:1:1 tunnel.addresses: is missing for a live gateway",
    "g.yaml:2:5 sniffers[0].deliver: is missing for a live gateway",
  ]);
  // Which `run` accepts.
  expect(mistakes[2]).toMatch(/for example `deliver: mac` and a `mac`$/);
});

test.each([
  ["a replay", { replay: true }, ["delivery.interface"]],
  ["a recording", { record: true }, ["tunnel.interface", "tunnel.addresses"]],
  ["both", { replay: true, record: true }, []],
])("live with %s needs no interface in its place", (_, sides, missing) => {
  const text = "sniffers:\n  - { name: a, deliver: mac, mac: 02:00:00:00:00:01 }\n";
  const { mistakes = [] } = parseConfig(text, "g.yaml", { live: true, ...sides });
  expect(mistakes.map(({ path }) => path)).toEqual(missing);
});

describe("loadConfig", () => {
  test("says which file cannot be read", async () => {
    const error = await loadConfig("/nowhere/g.yaml").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SpangateError);
    expect(error).toMatchObject({ code: "IO_FAILED", exitCode: 1, details: { file: "/nowhere/g.yaml" } });
    expect(String(error)).toContain("cannot read the configuration /nowhere/g.yaml: ENOENT");
  });

  test("carries all mistakes", async () => {
    const error = await loadConfig(new URL("parse.test.ts", import.meta.url).pathname).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 2, httpStatus: 422 });
    expect((error as SpangateError).details.mistakes).not.toHaveLength(0);
    expect((error as SpangateError).message).toMatch(/parse\.test\.ts:\d+:\d+ .*; expected /);
  });
});
