// EtherTypes (IEEE 802 numbers), which GRE uses as protocol types too.

export const IPV4: u32 = 0x0800;
export const ARP: u32 = 0x0806;
export const ERSPAN3: u32 = 0x22eb;
export const TRANSPARENT_ETHERNET: u32 = 0x6558;
export const IPV6: u32 = 0x86dd;
export const ERSPAN2: u32 = 0x88be; // types I and II
