/** For the tests of signatures: fixtures of other implementations, and a signer of our own keys. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { binaryOf } from "../../../content/binary.ts";
import { signedHeader } from "../../../content/dkim_header.ts";
import { fieldOf, parseHeader } from "../../../content/header.ts";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import type { Resolver } from "../../../dns/types.ts";

export const FIXTURES = new URL("../../fixtures/dkim", import.meta.url).pathname;

/** When the fixtures were made, or a little later. */
export const SIGNED_MS = Date.UTC(2026, 10, 21);

/** One line of expected.txt. */
export interface Fixture {
  readonly name: string;
  readonly method: string;
  readonly wanted: string;
  readonly text: string;
}

/** All of a folder that make.py wrote. */
export function readFixtures(folder: string): readonly Fixture[] {
  return Deno.readTextFileSync(`${folder}/expected.txt`).trim().split("\n").map((line) => {
    const [name = "", method = "", ...wanted] = line.split(" ");
    const text = binaryOf(Deno.readFileSync(`${folder}/${name}.eml`));
    return { name, method, wanted: wanted.join(" "), text };
  });
}

/** The keys of a folder that make.py wrote. */
export function readKeys(folder: string, more = ""): Resolver {
  const zone = Deno.readTextFileSync(`${folder}/keys.zone`);
  return createFileResolver(`${zone}\n${more}\n`, "keys.zone");
}

export const fixture = (name: string): string =>
  binaryOf(
    Deno.readFileSync(`${FIXTURES}/${name}.eml`),
  );

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
const SPKI = publicKey.export({ type: "spki", format: "der" }).toString("base64");

/** The record of our own key. */
export const keyRecord = (tags = "v=DKIM1; "): string => `${tags}p=${SPKI}`;

/** A zone line for a key record in parts of 200. */
export function keyLine(name: string, record: string): string {
  const parts = record.match(/.{1,200}/g) ?? [];
  return `${name} TXT ${parts.map((part) => `"${part}"`).join(" ")}`;
}

export const MAIL = "From: joe@example.org\nSubject: hi\n\nhello\n";

/**
 * MAIL signed with our own key, relaxed/relaxed; `tags` go over these: to write what no signer would.
 * An empty value leaves a tag out.
 */
export function signedMail(tags: Readonly<Record<string, string>> = {}): string {
  const bh = createHash("sha256").update("hello\r\n").digest("base64");
  const all: Record<string, string> = {
    ...{ v: "1", a: "rsa-sha256", c: "relaxed/relaxed", d: "example.org", s: "own" },
    ...{ h: "from:subject", bh, ...tags },
  };
  const shown = Object.entries(all).filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}=${value}`).join("; ");
  const raw = `DKIM-Signature: ${shown}; b=`;
  const names = (all["h"] ?? "").toLowerCase().split(":");
  const { fields } = parseHeader(MAIL, true);
  const text = signedHeader(fields, names, fieldOf(`${raw}\n`), "relaxed");
  const b = sign("sha256", new TextEncoder().encode(text), privateKey).toString("base64");
  return `${raw}${b}\n${MAIL}`;
}
