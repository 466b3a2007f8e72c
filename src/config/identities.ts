// Claims on tunnel identities (README.md, "Tenants"): no identity may have two owners. Claims that differ in
// specificity may overlap, since the more specific one wins: exact source, longer prefix, any; id; VLAN.
import { formatPrefix, maskBytes, type Prefix } from "./addresses.js";
import type { Draft } from "./draft.js";
import { type Finding, formatPath, type Path } from "./mistakes.js";
import type { Source } from "./tenants.js";

interface Claim {
  readonly source: Source;
  readonly path: Path;
}

/** Identities claimed twice, by tenants or by sharedSources, and GRE keys claimed both as key and as VSID. */
export function checkIdentities(draft: Draft): Finding[] {
  const claims = claimsOf(draft);
  return [...checkSameIdentity(claims), ...checkGreAndNvgre(claims)];
}

/** The id that a source claims, whatever its encapsulation calls it; undefined claims every id. */
export function sourceId(source: Source): number | undefined {
  switch (source.encapsulation) {
    case "erspan":
      return source.session;
    case "gre":
      return source.key;
    case "nvgre":
      return source.vsid;
    case "tzsp":
    case "hp-erm":
      return undefined;
    default:
      return source.vni;
  }
}

function claimsOf({ sharedSources, tenants }: Draft): Claim[] {
  const claims: Claim[] = [];
  const add = (source: Source | undefined, path: Path) => {
    if (source !== undefined) claims.push({ source, path });
  };
  for (const [i, source] of sharedSources.entries()) add(source, ["sharedSources", i]);
  for (const [t, { sources }] of tenants.entries()) {
    for (const [i, source] of (sources ?? []).entries()) add(source, ["tenants", t, "sources", i]);
  }
  return claims;
}

function checkSameIdentity(claims: readonly Claim[]): Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string, Path>();
  for (const { source, path } of claims) {
    const identity = describeIdentity(source);
    const owner = owners.get(identity);
    if (owner === undefined) {
      owners.set(identity, path);
      continue;
    }
    findings.push({
      path,
      message: `claims ${identity}, which ${formatPath(owner)} claims already`,
      expected: "each identity (encapsulation, id, from, vlan) once",
    });
  }
  return findings;
}

/** An identity in words; two claims with the same words are the same identity. */
export function describeIdentity(source: Source): string {
  const { encapsulation, from, vlan } = source;
  const id = sourceId(source);
  const words = [
    id === undefined ? `every ${encapsulation}` : `${encapsulation} ${id}`,
    from === undefined ? "from anywhere" : `from ${formatPrefix(from)}`,
  ];
  if (vlan !== undefined) words.push(`in VLAN ${vlan}`);
  return words.join(" ");
}

/**
 * NVGRE is GRE with transparent Ethernet and a key (RFC 7637 3.2): on the wire the two cannot be told apart, so one
 * source must be one or the other, whatever the ids. One finding for each NVGRE claim, not for each pair.
 */
function checkGreAndNvgre(claims: readonly Claim[]): Finding[] {
  const nvgre = claims.filter(({ source }) => source.encapsulation === "nvgre");
  if (nvgre.length === 0) return [];
  const overlaps = new PrefixOverlap(
    claims.filter(({ source }) => source.encapsulation === "gre"),
    nvgre,
  );
  const findings: Finding[] = [];
  for (const { source, path } of nvgre) {
    const gre = overlaps.find(source.from);
    if (gre === undefined) continue;
    findings.push({
      path,
      message: `claims ${describeIdentity(source)}, and ${formatPath(gre.path)} claims ${describeIdentity(gre.source)}`,
      expected: "either gre or nvgre for one outer source, since both read the same GRE key",
    });
  }
  return findings;
}

/** Finds a claim whose source prefix overlaps another, in as many steps as there are prefix lengths. */
class PrefixOverlap {
  readonly #exact = new Map<string, Claim>();
  readonly #covered = new Map<string, Claim>();
  readonly #lengths = new Set<number>();

  /** `asked` are the claims that `find` will be called for: their lengths bound what is remembered. */
  constructor(claims: readonly Claim[], asked: readonly Claim[]) {
    const askedLengths = new Set(
      asked.flatMap(({ source }) => families(source.from)).map((p) => p.prefixLength),
    );
    for (const claim of claims) {
      for (const prefix of families(claim.source.from)) {
        this.#lengths.add(prefix.prefixLength);
        this.#exact.set(prefixKey(prefix, prefix.prefixLength), claim);
        for (const length of askedLengths) {
          if (length <= prefix.prefixLength) this.#covered.set(prefixKey(prefix, length), claim);
        }
      }
    }
  }

  /** A claim whose prefix contains the given one or lies within it. */
  find(from: Prefix | undefined): Claim | undefined {
    for (const prefix of families(from)) {
      const within = this.#covered.get(prefixKey(prefix, prefix.prefixLength));
      if (within !== undefined) return within;
      for (const length of this.#lengths) {
        const containing = length < prefix.prefixLength && this.#exact.get(prefixKey(prefix, length));
        if (containing) return containing;
      }
    }
    return undefined;
  }
}

const ANY: readonly Prefix[] = [
  { family: 4, bytes: new Uint8Array(4), prefixLength: 0 },
  { family: 6, bytes: new Uint8Array(16), prefixLength: 0 },
];

function families(from: Prefix | undefined): readonly Prefix[] {
  return from === undefined ? ANY : [from];
}

function prefixKey({ family, bytes }: Prefix, length: number): string {
  return `${family}/${length}/${maskBytes(bytes, length)}`;
}
