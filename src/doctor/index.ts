// What is wrong with a machine for a gateway, and what mends it. `doctor.js` is apart: it needs koffi.

export type { Finding, Level } from "./finding.js";
export { koffiFinding } from "./packages.js";
