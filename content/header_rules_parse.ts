/**
 * The file of header rules: one rule a line, the first that refuses or defers decides.
 *
 *     ACTION FIELD: GLOB
 *     ACTION FIELD: GLOB = TEXT
 *
 * ACTION: refuse, defer, quarantine, tag or subject; several are joined by "+". FIELD: a field's
 * name, "*" in it stands for anything; @origin, the addresses that the message says it came from;
 * @body, any line behind the header. GLOB: for the whole value, "*" any bytes, "?" one byte, "[ab]"
 * one of these, without regard to case; for @origin also an address or a network such as
 * 192.0.2.0/24. TEXT: of the reply; of tag and subject the tag.
 *
 * A line that can't be meant becomes a sentence with its number; the others hold.
 */
import { lowerAscii } from "../policy/addresses.ts";
import { contains, parseNetwork } from "../policy/networks.ts";
import { compileLineGlob } from "./globs.ts";

const ACTIONS = ["refuse", "defer", "quarantine", "tag", "subject"] as const;

export type RuleAction = typeof ACTIONS[number];

/** One rule. */
export interface HeaderRule {
  readonly line: number;
  readonly actions: ReadonlySet<RuleAction>;
  readonly about: "field" | "origin" | "body";
  /** About a field: is this its name, in lower case? */
  readonly isName: (name: string) => boolean;
  /** Of the value, in lower case. */
  readonly matches: (value: string) => boolean;
  /** "" for none. */
  readonly text: string;
}

/** What a file has. */
export interface HeaderRules {
  readonly rules: readonly HeaderRule[];
  /** Sentences about lines that have no effect. */
  readonly notes: readonly string[];
}

const RULE = /^(\S+)[ \t]+(@?[!-9;-~]+)[ \t]*:[ \t]*(.*)$/;

/** Reads a file. `name`: as the administrator knows it. */
export function parseHeaderRules(text: string, name: string): HeaderRules {
  const rules: HeaderRule[] = [];
  const notes: string[] = [];
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const rule = parseRule(line, i + 1);
    if (typeof rule === "string") notes.push(`${name}, line ${i + 1}: ${rule}`);
    else rules.push(rule);
  }
  return { rules, notes };
}

/** A rule, or what is wrong with it. */
function parseRule(line: string, number: number): HeaderRule | string {
  const [, words, field, rest] = RULE.exec(line) ?? [];
  if (words === undefined || field === undefined || rest === undefined) {
    return "A rule is ACTION FIELD: GLOB, with = TEXT behind it if wanted";
  }
  const given = words.toLowerCase().split("+");
  const actions = ACTIONS.filter((action) => given.includes(action));
  const unknown = given.find((word) => !ACTIONS.some((action) => action === word));
  if (unknown !== undefined) return `"${unknown}" is none of ${ACTIONS.join(", ")}`;
  const equals = rest.search(/(^|[ \t])=[ \t]/);
  const glob = (equals < 0 ? rest : rest.slice(0, equals)).trim();
  const text = equals < 0 ? "" : rest.slice(rest.indexOf("=", equals) + 1).trim();
  if (glob === "") return "It has no glob";
  const fault = faultOf(new Set(actions), text);
  if (fault !== null) return fault;
  const target = targetOf(lowerAscii(field), lowerAscii(glob));
  if (typeof target === "string") return target;
  return { line: number, actions: new Set(actions), text, ...target };
}

function faultOf(actions: ReadonlySet<RuleAction>, text: string): string | null {
  if (actions.has("refuse") && actions.has("defer")) return "It can't both refuse and defer";
  const needsText = actions.has("tag") || actions.has("subject");
  return needsText && text === "" ? "tag and subject need a text behind =" : null;
}

const NO_FIELD = () => false;

function targetOf(
  field: string,
  glob: string,
): Pick<HeaderRule, "about" | "isName" | "matches"> | string {
  if (field === "@body") return { about: "body", isName: NO_FIELD, matches: compileLineGlob(glob) };
  if (field === "@origin") {
    const network = parseNetwork(glob);
    const matches = network === null
      ? compileLineGlob(glob)
      : (ip: string) => contains(network, ip);
    return { about: "origin", isName: NO_FIELD, matches };
  }
  if (field.startsWith("@")) return `"${field}" is neither @origin nor @body`;
  return { about: "field", isName: compileLineGlob(field), matches: compileLineGlob(glob) };
}
