// The kinds of fields that the schema is made of. Every `error` text here and in the schema is the *expectation*
// ("an integer from 0 to 1023"); explain.ts says what was found instead. `title` names the kind for editors and
// for the README's table, `examples` are for editors.
import { z } from "zod";
import * as addresses from "./addresses.js";
import * as quantities from "./quantities.js";

/** A map in which an unknown key is a mistake; its error text is the list of its keys (explain.ts suggests one). */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = oneOf(Object.keys(shape));
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? keys : `a map of keys (${keys})`),
  });
}

/** A list; `what` names its entries in the plural. */
export function list<Entry extends z.ZodType>(entry: Entry, what: string) {
  return z.array(entry, { error: `a list of ${what}` });
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: oneOf(words) });
}

/** The expectation of a choice; explain.ts recognises it and adds "did you mean". */
export function oneOf(words: readonly string[]): string {
  return `one of ${words.join(", ")}`;
}

/** For a discriminated union: the words that its discriminator may have. */
export function variantOf(words: readonly string[]) {
  return {
    error: (issue: z.core.$ZodRawIssue) => (issue.code === "invalid_union" ? oneOf(words) : "a map of keys"),
  };
}

/** The words of an expectation made by `oneOf`; none when it is another. */
export function wordsOf(expectation: string): string[] {
  return expectation.startsWith("one of ") ? expectation.slice("one of ".length).split(", ") : [];
}

/** A whole number within limits, both included; `note` says where they come from. */
export function integer(minimum: number, maximum: number, note?: string) {
  const error = `an integer from ${minimum} to ${maximum}${note === undefined ? "" : ` (${note})`}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

/** true or false. */
export const flag = z.boolean({ error: "true or false" });

/** Text that is not empty. */
export function text(what: string) {
  return z.string({ error: what }).min(1, { error: what }).meta({ title: what });
}

/** 802.1Q VLAN id; 0 is a priority tag and 4095 reserved (IEEE 802.1Q 9.6). */
export const vlanId = integer(1, 4094, "0 and 4095 are reserved");

// Names become file names, metric labels and URL segments: letters that need no quoting in any of them.
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const NAME_EXPECTED =
  "a name of at most 63 letters, digits, dots, hyphens and underscores, in quotes if it is a number";
export const name = z
  .string({ error: NAME_EXPECTED })
  .regex(NAME, { error: NAME_EXPECTED })
  .meta({ title: "name" });

// Linux: IFNAMSIZ 16 with its closing zero, dev_valid_name() refuses `/`, `:` and white space.
const INTERFACE_EXPECTED =
  "the name of a network interface, at most 15 characters without / : or white space";
export const interfaceName = z
  .string({ error: INTERFACE_EXPECTED })
  .regex(/^(?!\.{1,2}$)[^/:\s]{1,15}$/, { error: INTERFACE_EXPECTED })
  .meta({ title: "interface name" });

/** Bytes. */
export const size = z
  .union([z.string(), z.number()], { error: quantities.SIZE_EXPECTED })
  .transform(accept(quantities.parseSize))
  .meta({ title: "size", examples: ["16MiB"] });

/** Nanoseconds. */
export const duration = written("duration", "5s", quantities.DURATION_EXPECTED, quantities.parseDuration);

/** Bits per second. */
export const rate = written("rate", "500Mbit", quantities.RATE_EXPECTED, quantities.parseRate);

/** An address that a host can have. */
export const host = written("IP address", "10.77.0.2", addresses.ADDRESS_EXPECTED, addresses.parseHost);

/** An IP prefix or a single address. */
export const prefix = written("IP prefix", "10.77.0.0/24", addresses.PREFIX_EXPECTED, addresses.parsePrefix);

/** A unicast MAC address. */
export const mac = written("MAC address", "02:00:00:00:0a:01", addresses.MAC_EXPECTED, addresses.parseMac);

/** A tenant's own address. */
export const endpoint = written(
  "IP prefix or MAC address",
  "10.1.0.0/16",
  `${addresses.PREFIX_EXPECTED}, or ${addresses.MAC_EXPECTED}`,
  addresses.parseEndpoint,
);

function written<T>(
  title: string,
  example: string,
  error: string,
  parse: (text: string) => T | quantities.Flaw,
) {
  return z
    .string({ error })
    .transform(accept(parse))
    .meta({ title, examples: [example] });
}

function accept<In, T>(parse: (written: In) => T | quantities.Flaw) {
  return (input: In, context: z.RefinementCtx): T => {
    const value = parse(input);
    if (!(value instanceof quantities.Flaw)) return value;
    context.addIssue({ code: "custom", message: value.message, params: { expected: value.expected } });
    return z.NEVER;
  };
}
