/** Which packages hold the peers, where they are unpacked, and whether they are there. */
import { cellObstacle } from "../cell.ts";
import { type Bench, exists } from "./types.ts";

/** One peer's Debian packages, unpacked into a folder of their own. */
export interface Packages {
  /** Name of the folder below the peers' folder. */
  readonly folder: string;
  /** Debian packages; what they depend on and the system lacks comes with them. */
  readonly debian: readonly string[];
  /** A program that is there when the peer is. */
  readonly program: string;
}

export const POSTFIX: Packages = {
  folder: "postfix",
  debian: ["postfix"],
  program: "/usr/sbin/postfix",
};
export const OPENSMTPD: Packages = {
  folder: "opensmtpd",
  debian: ["opensmtpd"],
  program: "/usr/sbin/smtpd",
};
export const EXIM: Packages = {
  folder: "exim",
  debian: ["exim4-daemon-light"],
  program: "/usr/sbin/exim4",
};
export const MAILFRONT: Packages = {
  folder: "mailfront",
  debian: ["mailfront", "ucspi-tcp"],
  program: "/usr/sbin/mailfront",
};
export const DOVECOT: Packages = {
  folder: "dovecot",
  debian: ["dovecot-pop3d"],
  program: "/usr/sbin/dovecot",
};

export const DEBIAN_PEERS: readonly Packages[] = [POSTFIX, OPENSMTPD, EXIM, MAILFRONT, DOVECOT];

/** npm packages of the peers that run on Node.js. */
export const NPM_PEERS: readonly (readonly [name: string, version: string])[] = [
  ["Haraka", "3.3.4"],
  ["smtp-server", "3.21.6"],
];

/** The folder with the unpacked packages; null when the peer is installed in the system. */
export function packageRoot(bench: Pick<Bench, "peers">, packages: Packages): string | null {
  const root = `${bench.peers}/${packages.folder}/root`;
  return exists(root + packages.program) ? root : null;
}

/** Why a peer from Debian can't run here; null when it can. */
export function debianObstacle(bench: Pick<Bench, "peers">, packages: Packages): string | null {
  if (packageRoot(bench, packages) === null && !exists(packages.program)) {
    return `is not installed (deno task bench:peers --install, or apt-get install ${
      packages.debian.join(" ")
    })`;
  }
  return cellObstacle();
}

/** Why a peer from npm can't run here; null when it can. */
export function npmObstacle(bench: Pick<Bench, "peers">, name: string): string | null {
  if (!exists(`${bench.peers}/npm/node_modules/${name}/package.json`)) {
    return "is not installed (deno task bench:peers --install)";
  }
  try {
    new Deno.Command("node", { args: ["--version"], stdout: "null" }).outputSync();
    return null;
  } catch {
    return "needs Node.js";
  }
}
