// Which packets an AF_PACKET socket takes, asked of the kernel: a datagram between two sockets of this process passes the filter as a
// frame does. Agreement with the oracle of the XDP program, over rows and over damaged packets.

import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tunnelFilter } from "../../src/capture/packet-filter.js";
import type { Address } from "../../src/config/addresses.js";
import { close } from "../../src/linux/index.js";
import { check, errno, libc } from "../../src/linux/libc.js";
import { attachFilter } from "../../src/linux/socket-filter.js";
import { seeds } from "../engine/corpus.js";
import { parseIp } from "../reference/address.js";
import { mutations, seeded } from "../reference/mutate.js";
import { type Shape, wrap } from "../reference/mutate-shapes.js";
