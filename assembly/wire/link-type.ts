// LINKTYPE_* values of capture files that the engine reads (tcpdump.org/linktypes).

export const ETHERNET: u32 = 1;
export const RAW_BSD: u32 = 12; // DLT_RAW as some systems write it into files
export const RAW_OPENBSD: u32 = 14;
export const RAW: u32 = 101;
export const SLL: u32 = 113;
export const IPV4: u32 = 228;
export const IPV6: u32 = 229;
export const SLL2: u32 = 276;
