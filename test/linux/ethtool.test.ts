// What `ethtool` would print of the same interface.

import { afterAll, beforeAll, expect, test } from "vitest";
import { channels, type Offload, offload, setOffload } from "../../src/linux/index.js";
import { asRoot, Namespace } from "./namespace.js";

asRoot("ethtool", () => {
  let here: Namespace;
  beforeAll(() => {
    here = Namespace.create("here");
    const there = Namespace.create("there");
    here.connect("veth0", there, "peer0", "numrxqueues 4 numtxqueues 4");
  });
  afterAll(() => Namespace.removeAll());

  const shown = (name: string) =>
    new RegExp(`^${name}: (.*)$`, "m").exec(here.run("ethtool", "-k", "veth0"))![1];

  test("the queues in use, if the driver says", () => {
    here.run("ethtool", "-L", "veth0", "rx", "2", "tx", "3");
    expect(here.inside(() => channels("veth0"))).toEqual({ rx: 2, tx: 3, combined: 0 });
    expect(here.inside(() => channels("lo"))).toBeUndefined();
  });

  test.each<[Offload, string]>([
    ["rxVlan", "rx-vlan-offload"],
    ["gro", "generic-receive-offload"],
  ])("%s is set and put back", (which, name) => {
    const before = here.inside(() => offload("veth0", which));
    expect(before).toEqual({ on: shown(name) === "on", fixed: false });
    for (const on of [!before.on, before.on]) {
      expect(here.inside(() => setOffload("veth0", which, on))).toBe(true);
      expect(shown(name)).toBe(on ? "on" : "off");
      expect(here.inside(() => offload("veth0", which))).toEqual({ on, fixed: false });
      expect(here.inside(() => setOffload("veth0", which, on))).toBe(false);
    }
  });

  test.each<[Offload, string]>([
    ["lro", "large-receive-offload"],
    ["hardwareGro", "rx-gro-hw"],
  ])("%s of veth is fixed", (which, name) => {
    expect(shown(name)).toBe("off [fixed]");
    expect(here.inside(() => offload("veth0", which))).toEqual({ on: false, fixed: true });
    expect(here.inside(() => setOffload("veth0", which, false))).toBe(false);
    expect(() => here.inside(() => setOffload("veth0", which, true))).toThrowError(
      expect.objectContaining({ code: "SYSTEM_CALL", message: expect.stringContaining(`turn rx-`) }),
    );
  });

  test.each(["veth1", "a-name-that-is-much-too-long", ""])("no interface %j", (name) => {
    for (const ask of [channels, (of: string) => offload(of, "gro")])
      expect(() => here.inside(() => ask(name))).toThrowError(
        expect.objectContaining({ code: "INTERFACE_UNKNOWN" }),
      );
  });
});
