// The schema of `tenants` and `sharedSources`: who a tunnel's packets belong to.
import { z } from "zod";
import * as field from "./fields.js";

const id24 = field.integer(0, 0xffffff, "24 bits");
const ENCAPSULATION = "Tunnel protocol of the outermost tunnel; `erspan` means types I to III.";
const every = "every one when absent";

const where = {
  from: field.prefix
    .refine((from) => from.prefixLength > 0, {
      error: "matches every source",
      params: { expected: "no `from` at all to claim every source" },
    })
    .optional()
    .describe("Outer source address or prefix; any source when absent."),
  vlan: field.vlanId.optional().describe("Outer VLAN id; any or none when absent."),
};

const word = <const Word extends string>(encapsulation: Word) =>
  z.literal(encapsulation).describe(ENCAPSULATION);

const erspan = {
  encapsulation: word("erspan"),
  session: field
    .integer(0, 1023, "10 bits")
    .optional()
    .describe(`ERSPAN session id; ${every}. Type I has no session.`),
  ...where,
};

const withoutSession = [
  field.section({
    encapsulation: word("gre"),
    key: field.integer(0, 0xffffffff, "32 bits").optional().describe(`GRE key; ${every}.`),
    ...where,
  }),
  field.section({
    encapsulation: word("nvgre"),
    vsid: id24.optional().describe(`NVGRE virtual subnet id, the upper 24 bits of the GRE key; ${every}.`),
    ...where,
  }),
  field.section({
    encapsulation: z.enum(["vxlan", "vxlan-gpe", "geneve"]).describe(ENCAPSULATION),
    vni: id24.optional().describe(`Virtual network id; ${every}.`),
    ...where,
  }),
  // Neither header has an id: TZSP carries tags about radio, HP ERM a VLAN and a port.
  field.section({ encapsulation: z.enum(["tzsp", "hp-erm"]).describe(ENCAPSULATION), ...where }),
] as const;

const ENCAPSULATIONS = ["erspan", "gre", "nvgre", "vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"] as const;
const expected = field.variantOf(ENCAPSULATIONS);

export const source = z.discriminatedUnion(
  "encapsulation",
  [field.section(erspan), ...withoutSession],
  expected,
);

export const sharedSource = z.discriminatedUnion(
  "encapsulation",
  [
    field.section({
      ...erspan,
      direction: field
        .choice(["trusted", "untrusted"])
        .default("untrusted")
        .describe(
          "`trusted`: when both ends belong to tenants, ERSPAN III's direction bit decides (0: the source's owner, 1: the destination's); otherwise the packet is ambiguous-tenant.",
        ),
    }),
    ...withoutSession,
  ],
  expected,
);

export const tenant = field.section({
  name: field.name.describe("Name of the tenant."),
  sources: field
    .list(source, "tunnel identities")
    .prefault([])
    .describe(
      "Tunnel identities whose packets are the tenant's; none when it is found by `sharedSources` only.",
    ),
  addresses: field
    .list(field.endpoint, "addresses")
    .prefault([])
    .describe(
      "Addresses that the tenant owns; an inner endpoint must be among them. Empty: everything from its sources is its own.",
    ),
  nonIp: field
    .choice(["drop", "deliver"])
    .default("drop")
    .describe("Inner frames that are not IP, for a tenant that owns IP addresses only."),
  sniffers: field
    .list(z.string({ error: "the name of a sniffer" }).meta({ title: "sniffer name" }), "sniffer names")
    .min(1, { error: "at least one sniffer name" })
    // A place of a balance table is 16 bits wide.
    .max(65_536, { error: "at most 65536 sniffer names" })
    .describe("Sniffers that receive the tenant's packets; each belongs to one tenant."),
  fanout: field
    .choice(["copy", "balance"])
    .default("copy")
    .describe(
      "`copy`: every sniffer gets every packet; `balance`: one of them, by a hash of the inner flow.",
    ),
  snaplen: field
    .integer(1, 262_144)
    .optional()
    .describe("Most bytes of a packet that are delivered; whole packets when absent."),
  rate: field.rate
    .optional()
    .describe("Most bits per second delivered for this tenant; no limit when absent."),
});

/** A tunnel identity that a tenant claims. */
export type Source = z.output<typeof source>;

/** A tunnel identity whose packets belong to several tenants and are told apart by inner addresses. */
export type SharedSource = z.output<typeof sharedSource>;

/** A tenant: what belongs to it, and who receives it. */
export type Tenant = z.output<typeof tenant>;

/** Tunnel protocols that a source can name. */
export type Encapsulation = Source["encapsulation"];
