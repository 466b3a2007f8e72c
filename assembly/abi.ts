// Version of the contract between engine and host: changes with every change of the exports, the enums or
// memory/layout.ts. Each side is compiled with it, and the host refuses an engine with another.

export const ABI_VERSION = 7;
