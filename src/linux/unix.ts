// Addresses of Unix sockets (unix(7)).

import { SpangateError } from "../errors.js";
import { viewOf } from "./netlink-message.js";

export const AF_UNIX = 1;
const LONGEST = 107;

/**
 * `struct sockaddr_un`:
 *
 *     0 family:16 | 2 path, ended by a NUL; or a NUL and a name of so many bytes as there are
 *
 * @param name an absolute path, or `@` and a name that is in no folder
 * @throws SpangateError USAGE
 */
export function unixAddress(name: string): Uint8Array {
  const isAbstract = name.startsWith("@");
  const text = Buffer.from(name);
  if ((!isAbstract && !name.startsWith("/")) || text.length > LONGEST) {
    const message = `${JSON.stringify(name)} is no address of a Unix socket: expected a path from / on, or @ and a name, of at most ${LONGEST} bytes.`;
    throw new SpangateError("USAGE", message);
  }
  const address = new Uint8Array(2 + text.length + (isAbstract ? 0 : 1));
  viewOf(address).setUint16(0, AF_UNIX, true);
  address.set(text, 2);
  if (isAbstract) address[2] = 0;
  return address;
}
