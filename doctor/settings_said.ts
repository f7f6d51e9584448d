/** What reading the settings came to, and settings that contradict each other. */
import { readPolicyConfig } from "../policy/config.ts";
import type { PolicySettings } from "../policy/config.ts";
import { loadMailRules } from "../policy/mailrules_load.ts";
import { MailRulesError } from "../policy/mailrules_parse.ts";
import type { Problem } from "../settings/load.ts";
import { AUTHENTICITY_SETTINGS } from "../settings/authenticity.ts";
import { SETTINGS } from "../settings/mod.ts";
import { POLICY_SETTINGS } from "../settings/policy.ts";
import { ControlError } from "../validate/types.ts";
import type { Check, DoctorSettings, Finding, Patient } from "./types.ts";
import { bytesOf, found, quoted, settingPath, statOf } from "./words.ts";

/** Sentences of loadSettings as findings; what only says that there is no trace is told elsewhere. */
export function judgeProblems(problems: readonly Problem[], traceCfg: string): Finding[] {
  return problems.filter(({ line }) => line > 0).map(({ line, severity, message }) => {
    const where = { path: traceCfg, line };
    if (severity === "error") {
      return found("settings-unparsed", where, message, `edit line ${line} of ${quoted(traceCfg)}`);
    }
    const nearest = /^Unknown setting .*nearest known name is "([^"]*)"/.exec(message)?.[1];
    return nearest === undefined
      ? found("setting-wrong", where, message, `edit line ${line} of ${quoted(traceCfg)}`)
      : found(
        "setting-unknown",
        where,
        message,
        `write "${nearest}" in line ${line} of ${quoted(traceCfg)}, or: sed -i ${line}d ${
          quoted(traceCfg)
        }`,
      );
  });
}

/** Pairs of settings of which one has no effect. `hasUsers`: users/poppasswd.cdb is there. */
export function judgeContradictions(
  s: DoctorSettings,
  traceCfg: string,
  hasUsers: boolean,
): Finding[] {
  const useless = (what: string, mend: string) =>
    found("setting-useless", { path: traceCfg }, what, mend);
  const pairs: readonly (readonly [boolean, string, string])[] = [
    [
      s.on_invalid_rcpt === "terminate" &&
      s.max_unknown_recipients !== SETTINGS.max_unknown_recipients.default,
      "max_unknown_recipients has no effect: on_invalid_rcpt is terminate, so the first one ends the session",
      "on_invalid_rcpt: reject, or take max_unknown_recipients out",
    ],
    [
      s.submission_listen.length + s.smtps_listen.length > 0 &&
      (s.smtp_auth === "off" || !s.smtp_auth_services.includes("submission")),
      "There are submission listeners and AUTH is not offered on them, so only relay clients can use them",
      "smtp_auth: tls, smtp_auth_services: submission",
    ],
    [
      s.client_cert === "none" && s.client_ca !== "" &&
      !/client_cert=/.test(
        [...s.smtps_listen, ...s.pop3s_listen, ...s.smtp_listen, ...s.submission_listen].join(" "),
      ),
      "client_ca has no effect: client_cert is none",
      "client_cert: ask",
    ],
    [
      s.tls_cert === "" && s.tls_key !== "",
      "tls_key has no effect: tls_cert is empty",
      "tls_cert: FILE",
    ],
    [
      s.dns_file !== "",
      "dns_file answers all DNS questions from a file: dns_servers and the system's resolver are not asked",
      "take dns_file out, it is for tests",
    ],
    [
      s.queue !== "qmqp" && s.qmqp_timeout_seconds !== SETTINGS.qmqp_timeout_seconds.default,
      "qmqp_timeout_seconds has no effect: queue is not qmqp",
      "queue: qmqp, or take qmqp_timeout_seconds out",
    ],
    [
      s.max_sessions_per_address > s.max_sessions,
      "max_sessions_per_address is above max_sessions, so one address can take all sessions",
      `max_sessions_per_address: ${Math.max(1, Math.floor(s.max_sessions / 100))}`,
    ],
    [
      s.dnsbl !== undefined && s.dnsbl !== "off" && (s.dnsbl_lists ?? []).length === 0,
      "dnsbl is not off, and dnsbl_lists names no list",
      "dnsbl_lists: ZONE, or dnsbl: off",
    ],
    [
      s.dnsbl === "off" && (s.dnsbl_lists ?? []).length > 0,
      "dnsbl_lists has no effect: dnsbl is off",
      "dnsbl: shadow",
    ],
  ];
  return [
    ...pairs.flatMap(([isSo, what, mend]) =>
      isSo ? [useless(what, `${mend} (in ${traceCfg})`)] : []
    ),
    ...(hasUsers || s.auth_source !== "poppasswd" || !takesLogins(s) ? [] : [found(
      "poppasswd-missing",
      { path: traceCfg },
      "There are POP3 or submission listeners, and users/poppasswd.cdb does not exist",
      "qfront poppasswd set LOGIN --newpop, or pop3_listen: off",
    )]),
  ];
}

const isOn = (words: readonly string[]): boolean => words.some((word) => word !== "off");

const takesLogins = (s: DoctorSettings): boolean =>
  [s.pop3_listen, s.pop3s_listen, s.submission_listen, s.smtps_listen].some(isOn);

/** Sentences of the policy about what has no effect. */
export const judgeNotes = (notes: readonly string[], traceCfg: string): Finding[] =>
  notes.map((note) =>
    found("policy-useless", { path: traceCfg }, note, `edit what is named, or ${quoted(traceCfg)}`)
  );

function policyNotes(patient: Patient): readonly string[] {
  const { settings, env, control } = patient;
  const known = { ...POLICY_SETTINGS, ...AUTHENTICITY_SETTINGS };
  const defaults = Object.fromEntries(
    Object.entries(known).map(([name, { default: value }]) => [name, value]),
  );
  const policy = { ...defaults, ...settings } as PolicySettings;
  const notes: string[] = [];
  try {
    const name = policy.mailrules_file || env["MAILRULES"] || "";
    if (name !== "") {
      const read = (file: string) => bytesOf(settingPath(patient, file));
      notes.push(...loadMailRules(name, read).notes.map((note) => `${name}: ${note}`));
    }
    const config = readPolicyConfig(policy, {
      control,
      env,
      isOwnDomain: () => false,
      ownNames: new Set(),
      mailRules: null,
    });
    return [...notes, ...config.notes];
  } catch (error) {
    if (error instanceof MailRulesError) return [error.message];
    if (error instanceof ControlError) return notes; // told with the control files
    throw error;
  }
}

export const SETTINGS_SAID: Check = {
  name: "settings",
  run(patient) {
    const { problems, settings, place: { traceCfg, path } } = patient;
    const hasUsers = statOf(`${path}/users/poppasswd.cdb`) !== null ||
      statOf(`${path}/users/poppasswd`) !== null;
    return [
      ...judgeProblems(problems, traceCfg),
      ...(patient.dnsFault === null ? [] : [
        found("setting-wrong", { path: traceCfg }, patient.dnsFault, `edit ${quoted(traceCfg)}`),
      ]),
      ...judgeContradictions(settings, traceCfg, hasUsers),
      ...judgeNotes(policyNotes(patient), traceCfg),
    ];
  },
};
