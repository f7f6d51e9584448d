/**
 * Lines of what stands before a mail server: tcpserver -v, rblsmtpd, qmail-spf; their stamp already taken off.
 *
 * tcpserver's ok and deny lines: `ok PID LOCALHOST:LOCALIP:LOCALPORT REMOTEHOST:REMOTEIP:REMOTEINFO:REMOTEPORT`. A host name and
 * the info are the client's, colons are not among their characters; an IPv6 address has them.
 */
import type { LogRecord, TcpserverRecord } from "./record.ts";

const STATUS = /^tcpserver: status: (\d+)\/(\d+)$/;
const PID = /^tcpserver: pid (\d+) from ([0-9A-Fa-f.:]+)$/;
const JUDGED = /^tcpserver: (ok|deny) (\d+) \S+ ([^:\s]*):([0-9A-Fa-f.:]+?):([^:]*):(\d+)$/;
const END = /^tcpserver: end (\d+) status (\d+)$/;
const RBL = /^rblsmtpd: (\S+) pid (\d+): (\d{3}) ?(.*)$/s;
const SPF = /^qmail-spf: spf_result is SPF_RESULT_([A-Z]+)/;

const nothing: Omit<TcpserverRecord, "what"> = {
  kind: "tcpserver",
  pid: 0,
  ip: "",
  open: 0,
  most: 0,
};

function readTcp(body: string): TcpserverRecord | null {
  const status = STATUS.exec(body);
  if (status !== null) {
    return { ...nothing, what: "status", open: Number(status[1]), most: Number(status[2]) };
  }
  const pid = PID.exec(body);
  if (pid !== null) return { ...nothing, what: "pid", pid: Number(pid[1]), ip: pid[2] ?? "" };
  const judged = JUDGED.exec(body);
  if (judged !== null) {
    const what = judged[1] === "deny" ? "deny" : "ok";
    return { ...nothing, what, pid: Number(judged[2]), ip: judged[4] ?? "" };
  }
  const end = END.exec(body);
  return end === null ? null : { ...nothing, what: "end", pid: Number(end[1]) };
}

/** One line of tcpserver, rblsmtpd or qmail-spf; null: it is none. */
export function readTcpserver(body: string): LogRecord | null {
  if (body.startsWith("tcpserver: ")) return readTcp(body);
  if (body.startsWith("rblsmtpd: ")) {
    const match = RBL.exec(body);
    if (match === null) return null;
    const [, ip = "", pid, code, text = ""] = match;
    return { kind: "rblsmtpd", ip, pid: Number(pid), code: Number(code), text };
  }
  const spf = body.startsWith("qmail-spf: ") ? SPF.exec(body) : null;
  return spf === null ? null : { kind: "spf", result: (spf[1] ?? "").toLowerCase() };
}
