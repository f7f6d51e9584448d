/**
 * How much of an address a report or an old trace shows: all of it (none), its network and domain, a hash, or nothing
 * (hide). The words are those of the setting trace_privacy, and one more.
 *
 * A hash has a key of its own for each run, which is forgotten: the same address is the same within one report and cannot be
 * found by trying. Domains stay with `network` and `hash`, because they are what an administrator can act on.
 */
import { createHmac, randomBytes } from "node:crypto";
import { parseIp } from "../net/ip.ts";
import { networkOf } from "../policy/networks.ts";

export const PRIVACY_LEVELS = ["none", "network", "hash", "hide"] as const;
export type Privacy = (typeof PRIVACY_LEVELS)[number];

export interface Mask {
  readonly level: Privacy;
  /** A mail address; "" stays. */
  address(address: string): string;
  /** An IP address or a network. */
  ip(ip: string): string;
  /** A client's name. */
  host(name: string): string;
  /** Text that may hold any of them. */
  text(text: string): string;
}

const HASH_CHARS = 10;
const HIDDEN = "*";
/** Bounded pieces: a long text costs no more than its length. */
const ADDRESSES = /[^\s<>()[\],;:"'@]{1,64}@[A-Za-z0-9.-]{1,255}/g;
const IPS =
  /\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])/g;

const NO_MASK: Mask = {
  level: "none",
  address: (address) => address,
  ip: (ip) => ip,
  host: (name) => name,
  text: (text) => text,
};

/** The local part through `hide`, the domain as it is. */
function hideLocal(address: string, hide: (local: string) => string): string {
  const at = address.lastIndexOf("@");
  if (at < 0) return address === "" ? "" : hide(address);
  return `${hide(address.slice(0, at))}${address.slice(at)}`;
}

function makeMask(
  level: Privacy,
  hideIp: (ip: string) => string,
  hideAddress: (address: string) => string,
  hideHost: (name: string) => string,
): Mask {
  // 127.0.0.2 is what a list of the DNS says, and nobody's address.
  const ip = (text: string): string =>
    text.startsWith("127.") || parseIp(text.split("/")[0] ?? "") === null ? text : hideIp(text);
  return {
    level,
    address: hideAddress,
    ip,
    host: (name) => name === "" ? "" : hideHost(name),
    text: (text) => text.replace(ADDRESSES, hideAddress).replace(IPS, ip),
  };
}

/** The mask of a level. */
export function maskOf(level: Privacy): Mask {
  switch (level) {
    case "none":
      return NO_MASK;
    case "network": {
      const address = (text: string) => hideLocal(text, () => HIDDEN);
      return makeMask(level, (ip) => ip.includes("/") ? ip : networkOf(ip), address, () => HIDDEN);
    }
    case "hash": {
      const key = randomBytes(32);
      const hash = (text: string) =>
        createHmac("sha256", key).update(text, "latin1").digest("hex").slice(0, HASH_CHARS);
      return makeMask(level, hash, (text) => hideLocal(text, hash), hash);
    }
    case "hide":
      return makeMask(level, () => HIDDEN, (text) => text === "" ? "" : HIDDEN, () => HIDDEN);
  }
}
