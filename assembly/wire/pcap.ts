// pcap record header (draft-ietf-opsawg-pcap 5), written in the machine's byte order.

export const SECONDS: usize = 0;
export const FRACTION: usize = SECONDS + 4; // ns, by the file's magic
export const CAPTURED: usize = FRACTION + 4;
export const ORIGINAL: usize = CAPTURED + 4;
export const HEADER_LEN: usize = ORIGINAL + 4;
