/** Connection rules and settings that open the house: relaying for strangers, no validation, passwords in clear. */
import { latin1 } from "../cdb/mod.ts";
import { readRulesCdb } from "../net/rules_cdb.ts";
import { parseRules, type ReadRules, RulesError } from "../net/rules_text.ts";
import type { Check, DoctorSettings, Finding, Patient } from "./types.ts";
import { bytesOf, found, quoted, settingPath, statOf } from "./words.ts";

/** Strangers from all over the address space; nobody's own networks. */
const STRANGERS = [
  "192.0.2.77",
  "198.51.100.77",
  "203.0.113.77",
  "1.0.0.77",
  "44.128.9.77",
  "100.128.9.77",
  "150.128.9.77",
  "2001:db8::77",
  "2a00:1234::77",
];

/** Rules that were read, or why not. null: there are none. */
export interface RulesFact {
  readonly path: string;
  /** They are those of the setting: the service goes by them. */
  readonly isSet: boolean;
  readonly rules: ReadRules | null;
  readonly fault: string | null;
}

const lineOf = (sentence: string): { line?: number } => {
  const line = /^Line (\d+):/.exec(sentence)?.[1];
  return line === undefined ? {} : { line: Number(line) };
};

export function judgeRules({ path, isSet, rules, fault }: RulesFact): Finding[] {
  if (fault !== null || rules === null) {
    const where = { path, ...lineOf(fault ?? "") };
    return isSet
      ? [
        found(
          "rules-unusable",
          where,
          fault ?? "There is no such file",
          `edit ${quoted(path)}, or tcp_rules in control/trace.cfg`,
        ),
      ]
      : [];
  }
  const relayed = STRANGERS.filter((ip) => {
    const rule = rules.table.find(ip, null);
    return rule !== null && !rule.deny && "RELAYCLIENT" in rule.env;
  });
  const text = path.replace(/\.cdb$/, "");
  return [
    ...(relayed.length === 0 ? [] : [found(
      "open-relay",
      { path },
      `A stranger such as ${relayed[0]} gets RELAYCLIENT`,
      `edit ${
        quoted(text)
      }: RELAYCLIENT only behind your own networks, ":allow" for everybody else${
        path === text
          ? ""
          : `, then tcprules ${quoted(path)} ${quoted(`${path}.tmp`)} < ${quoted(text)}`
      }`,
    )]),
    ...rules.notes.map((note) =>
      found("rules-dead", { path, ...lineOf(note) }, note, `edit ${quoted(text)}`)
    ),
  ];
}

export function judgeOpenDoors(settings: DoctorSettings, traceCfg: string): Finding[] {
  const where = { path: traceCfg };
  const edit = (line: string) => `write "${line}" into ${traceCfg}`;
  return [
    ...(settings.validate ? [] : [
      found("validation-off", where, "No recipient is looked up", edit("validate: on")),
    ]),
    ...(settings.smtp_auth === "always"
      ? [found("passwords-in-clear", where, "smtp_auth is always", edit("smtp_auth: tls"))]
      : []),
    ...(settings.pop3_cleartext === "always"
      ? [
        found(
          "passwords-in-clear",
          where,
          "pop3_cleartext is always",
          edit("pop3_cleartext: loopback"),
        ),
      ]
      : []),
  ];
}

function readRules(path: string, isSet: boolean): RulesFact {
  const bytes = bytesOf(path);
  if (bytes === null) {
    const fault = statOf(path) === null ? "There is no such file" : "It can't be read";
    return { path, isSet, rules: null, fault };
  }
  const reading = { names: true };
  try {
    const rules = path.endsWith(".cdb")
      ? readRulesCdb(bytes, reading)
      : parseRules(latin1(bytes), reading);
    return { path, isSet, rules, fault: null };
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    return { path, isSet, rules: null, fault: error.message };
  }
}

/** The rules of the setting; without it those that tcpserver is usually given. */
export function gatherRules(patient: Patient): RulesFact[] {
  const { tcp_rules } = patient.settings;
  if (tcp_rules !== "") return [readRules(settingPath(patient, tcp_rules), true)];
  const usual = [`${patient.place.root}/etc/tcp.smtp.cdb`, `${patient.place.root}/etc/tcp.smtp`];
  const there = usual.find((path) => statOf(path) !== null);
  return there === undefined ? [] : [readRules(there, false)];
}

export const RULES: Check = {
  name: "relaying",
  run: (patient) => [
    ...gatherRules(patient).flatMap(judgeRules),
    ...judgeOpenDoors(patient.settings, patient.place.traceCfg),
  ],
};
