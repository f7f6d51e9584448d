/** The clock, and the source address of outgoing mail. */
import { parseIp } from "../net/ip.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { controlPath, found, quoted, statOf } from "./words.ts";

/** No release is older; a clock that says so is at 1970 or has an empty battery. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
const HOUR_MS = 3_600_000;

const FILES = ["me", "locals", "virtualdomains", "rcpthosts", "trace.cfg"];

export function judgeClock(
  nowMs: number,
  files: readonly { path: string; changedMs: number }[],
): Finding[] {
  if (nowMs < EARLIEST_MS || nowMs > LATEST_MS) {
    return [
      found(
        "clock-wrong",
        { path: "date" },
        `It says ${new Date(nowMs).toISOString().slice(0, 10)}`,
        "timedatectl set-ntp true, or ntpdate",
      ),
    ];
  }
  return files.filter(({ changedMs }) => changedMs > nowMs + HOUR_MS).map(({ path, changedMs }) =>
    found(
      "from-the-future",
      { path },
      `It was changed at ${new Date(changedMs).toISOString()}`,
      `date -u; touch ${quoted(path)}`,
    )
  );
}

/** `line`: control/outgoingip; null: there is none. */
export function judgeOutgoingIp(line: string | null, path: string): Finding[] {
  const address = line?.trim() ?? "";
  if (address === "") return [];
  return parseIp(address) === null
    ? [
      found(
        "outgoing-ip-wrong",
        { path },
        `"${address}" is no IP address`,
        `echo 192.0.2.1 > ${quoted(path)}`,
      ),
    ]
    : [
      found(
        "outgoing-ip",
        { path },
        `Mail of qmail-remote leaves from ${address}`,
        `dig -x ${address}`,
      ),
    ];
}

function outgoing(patient: Patient): string | null {
  try {
    return patient.control.line("outgoingip");
  } catch {
    return null; // told with the control files
  }
}

export const MACHINE: Check = {
  name: "machine",
  run(patient) {
    const files = FILES.flatMap((name) => {
      const path = controlPath(patient, name);
      const changedMs = statOf(path)?.mtime?.getTime();
      return changedMs === undefined ? [] : [{ path, changedMs }];
    });
    return [
      ...judgeClock(patient.nowMs, files),
      ...judgeOutgoingIp(outgoing(patient), controlPath(patient, "outgoingip")),
    ];
  },
};
