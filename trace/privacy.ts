/**
 * The privacy dial of a trace that is being written (old ones: qfront report --anonymise). Clients' addresses are cut to their networks (IPv4 /24, IPv6 /48), local
 * parts of mail addresses become hashes with a key, so that the same person stays the same and nobody can say who.
 *
 * Domains stay, and the role addresses that every domain has. Secrets are
 * no matter here: they never reach the trace.
 */
import { createHmac } from "node:crypto";
import type { Fields } from "./tracer.ts";

/** none: as it is. network: addresses of clients are cut. hash: local parts are hashed as well. */
export type Privacy = "none" | "network" | "hash";

/** Texts of a trace, masked. */
export interface Mask {
  /** A client's address, or a text that holds one. */
  ip(text: string): string;
  /** A local part, or a whole address. */
  name(text: string): string;
  /** Any text: addresses of both kinds in it, directories below /home, names of dot-qmail files. */
  text(text: string): string;
}

/** RFC 2142's names, and what bounces come from: no person. */
const ROLES = new Set(["", "postmaster", "abuse", "mailer-daemon", "root", "hostmaster", "#@[]"]);

const IPV4 = /(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.)\d{1,3}(?![\d])/g;
/** As providers name their customers: 192-0-2-7.dyn.example. */
const DASHED = /(?<![\d-])(\d{1,3}-\d{1,3}-\d{1,3}-)\d{1,3}(?![\d-])/g;
/** As lists are asked: 7.2.0.192.zen.example, nibbles of IPv6 likewise. */
const REVERSED4 = /(?<![\w.])\d{1,3}(\.\d{1,3}\.\d{1,3}\.\d{1,3}\.(?=[a-z]))/gi;
const REVERSED6 = /(?<![\w.])(?:[0-9a-f]\.){20}((?:[0-9a-f]\.){12}(?=[a-z]))/gi;
const IPV6 = /(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi;
const ADDRESS = /("(?:[^"\\]|\\.)*"|[^\s<>[\]"(),:;@=]+)@(?=[\w[#])/g;
const HOME = /(\/home\/)([^/\s\]"]+)/g;
const DOT_QMAIL = /(\.qmail-)([^/\s\]"]+)/g;

/** Cut to its first 48 bits; what is none stays. */
function cutIpv6(text: string): string {
  const [head = "", tail] = text.split("::");
  const groups = head.split(":");
  if (tail === undefined && groups.length !== 8) return text;
  if (/^(?:::1?|fe80:.*)$/i.test(text)) return text;
  const known = head === "" ? [] : groups;
  const kept = [...known, "0", "0", "0"].slice(0, 3);
  return `${kept.join(":")}::`;
}

function cutIps(text: string): string {
  const reversed = text.replace(REVERSED4, "0$1").replace(REVERSED6, `${"0.".repeat(20)}$1`);
  return reversed.replace(IPV6, cutIpv6)
    .replace(IPV4, (all, network: string, at: number) => {
      if (network.startsWith("127.") || /^0\.\d/.test(all)) return all;
      return /^\.[a-z]/i.test(reversed.slice(at + all.length)) ? all : `${network}0`;
    })
    .replace(DASHED, "$10");
}

/** The mask of a level; `key` keeps hashes apart from those of others. Null where nothing is masked. */
export function createMask(level: Privacy, key: Uint8Array): Mask | null {
  if (level === "none") return null;
  if (level === "network") {
    return { ip: cutIps, name: (name) => name, text: cutIps };
  }
  const known = new Map<string, string>();
  const hash = (local: string): string => {
    const lower = local.toLowerCase();
    if (ROLES.has(lower)) return local;
    let found = known.get(lower);
    if (found === undefined) {
      const digest = createHmac("sha256", key).update(lower).digest("hex");
      found = `h_${digest.slice(0, 12)}`;
      if (known.size >= 10_000) known.clear();
      known.set(lower, found);
    }
    return found;
  };
  const names = (text: string): string =>
    maskPaths(text.replace(ADDRESS, (_, local: string) => `${hash(local)}@`), hash);
  return {
    ip: cutIps,
    name(name) {
      const at = name.lastIndexOf("@");
      return at < 0 ? hash(name) : hash(name.slice(0, at)) + cutIps(name.slice(at));
    },
    text: (text) => cutIps(names(text)),
  };
}

/** Directories below /home and names of dot-qmail files in `text`, through `hide`. */
export const maskPaths = (text: string, hide: (name: string) => string): string =>
  text.replace(HOME, (_, before: string, user: string) => before + hide(user))
    .replace(DOT_QMAIL, (_, before: string, rest: string) => before + hide(rest));

/** Fields that hold a local part or an address. */
const NAMES = new Set(["user", "login", "sender", "recipient"]);
/** Look-up steps whose key is a domain or a whole address. */
const DOMAIN_STEPS =
  /^(?:locals|rcpthosts|morercpthosts|virtualdomains|percenthack|me|envnoathost)/;
/** What a client says a name with. */
const SAID_NAMES = /^((?:C: |<- )?(?:USER|VRFY|EXPN|APOP) )(\S+)/i;

/** An event's fields, masked. */
export function maskFields<F extends Fields>(mask: Mask, fields: F): F {
  const masked: Record<string, string | number | boolean | null> = {};
  for (const name in fields) {
    const value = fields[name] ?? null;
    masked[name] = typeof value === "string" ? maskField(mask, name, value, fields) : value;
  }
  return masked as F;
}

/** A text of an event's, masked as its name and the others say. */
export function maskField(mask: Mask, name: string, value: string, fields: Fields): string {
  if (NAMES.has(name)) return mask.name(value);
  if (name === "key" && typeof fields["step"] === "string") {
    return DOMAIN_STEPS.test(fields["step"]) ? mask.text(value) : mask.name(value);
  }
  if (name === "line") {
    return mask.text(
      value.replace(SAID_NAMES, (_, verb: string, who: string) => verb + mask.name(who)),
    );
  }
  if (name === "found" || name === "reason") return mask.text(maskQuoted(mask, value));
  return mask.text(value);
}

/** Words in quotes: users and extensions in what the look-up says. A domain or a file among them stays. */
function maskQuoted(mask: Mask, text: string): string {
  return text.replace(
    /"([^"\s/@]+)"/g,
    (all, word: string) => /^[\w-]+(?:\.[\w-]+)+$/.test(word) ? all : `"${mask.name(word)}"`,
  );
}
