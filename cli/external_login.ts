/**
 * Who a client certificate stands for (SASL EXTERNAL, RFC 4422 appendix A), as setting `client_cert_login` says: its
 * common name, its e-mail address, or what control/clientcerts makes of it.
 *
 * A line of that file is `KEY:LOGIN`, cut at the last colon. A key with "=" is a whole subject as the trace shows it
 * ("CN=alice,O=Example"), any other an e-mail address or a common name of a subject. The first line that fits counts.
 * Subjects come from verified certificates only, in the form of RFC 2253; a subject with two common names has none, since
 * nobody can say which one was meant. E-mail addresses are those of the subject and of subjectAltName together.
 */
import type { Settings } from "../settings/mod.ts";
import { ControlError, type ControlFiles } from "../validate/types.ts";

/** The login of a verified certificate, by its subject and e-mail addresses; null: it has none. */
export type ExternalLogin = (subject: string, emails?: readonly string[]) => string | null;

const MAP_FILE = "clientcerts";

/** A subject's attributes, values without RFC 2253's escapes, as binary strings. */
export function subjectAttributes(subject: string): readonly (readonly [string, string])[] {
  const parts = subject.match(/(?:\\[\s\S]|[^\\,+])+/g) ?? [];
  return parts.flatMap((part): (readonly [string, string])[] => {
    const equals = part.indexOf("=");
    const value = part.slice(equals + 1);
    // "#" begins a value that is not text.
    if (equals < 1 || value.startsWith("#")) return [];
    return [[part.slice(0, equals).trim().toLowerCase(), unescaped(value)]];
  });
}

const unescaped = (value: string): string =>
  value.replace(
    /\\(?:([0-9A-Fa-f]{2})|([\s\S]))/g,
    (_, hex: string | undefined, char: string) =>
      hex === undefined ? char : String.fromCharCode(Number.parseInt(hex, 16)),
  );

const valuesOf = (subject: string, name: string): readonly string[] =>
  subjectAttributes(subject).filter(([type]) => type === name).map(([, value]) => value);

/** The one value there is; null when there is none, or more than one. */
function only(values: readonly string[]): string | null {
  const value = values.length === 1 ? values[0] : undefined;
  // No login has a control character, and none is to end a line of the trace.
  // deno-lint-ignore no-control-regex
  return value === undefined || value === "" || /[\x00-\x1f\x7f]/.test(value) ? null : value;
}

/** ASCII only: both are bytes. */
const lower = (text: string): string => text.replace(/[A-Z]/g, (c) => c.toLowerCase());

const commonName = (subject: string): string | null => only(valuesOf(subject, "cn"));

/** The addresses of a certificate, each once; the first spelling counts. */
function emailsOf(subject: string, others: readonly string[]): readonly string[] {
  const all = [...valuesOf(subject, "emailaddress"), ...others];
  return all.filter((email, i) => all.findIndex((other) => lower(other) === lower(email)) === i);
}

interface Entry {
  readonly key: string;
  readonly login: string;
}

/** Reads the entries of control/clientcerts. @throws {ControlError} naming the line that can't be understood. */
export function readClientCerts(lines: readonly string[]): readonly Entry[] {
  return lines.map((line) => {
    const colon = line.lastIndexOf(":");
    const key = line.slice(0, Math.max(0, colon)).trim();
    const login = line.slice(colon + 1).trim();
    if (key !== "" && login !== "") return { key, login };
    throw new ControlError(
      `Line "${line}" of control/${MAP_FILE} is wrong: it is not of the form "KEY:LOGIN"`,
    );
  });
}

/** What the map makes of a certificate; null: no line fits. */
export function mapSubject(
  entries: readonly Entry[],
  subject: string,
  others: readonly string[] = [],
): string | null {
  // A certificate with two addresses says of neither that it is the one meant.
  const email = only(emailsOf(subject, others));
  const found = entries.find(({ key }) =>
    key.includes("=")
      ? key === subject
      : (email !== null && lower(key) === lower(email)) || key === commonName(subject)
  );
  return found?.login ?? null;
}

/**
 * The logins of a site. The map is read again when it changes; one that can't be understood keeps what was read before, and
 * `complain` takes the sentence.
 * @throws {ControlError} when the map can't be read at the start.
 */
export function createExternalLogin(
  settings: Pick<Settings, "client_cert" | "client_cert_login">,
  control: ControlFiles,
  complain: (sentence: string) => void,
): ExternalLogin {
  if (settings.client_cert_login === "cn") return (subject) => commonName(subject);
  if (settings.client_cert_login === "email") {
    return (subject, others = []) => only(emailsOf(subject, others));
  }
  // With client_cert none a listener may still ask for certificates; the map is read when one shows the first.
  let lines = settings.client_cert === "none" ? undefined : control.lines(MAP_FILE);
  let entries = readClientCerts(lines ?? []);
  const refresh = () => {
    const now = control.lines(MAP_FILE);
    if (now === lines) return;
    lines = now;
    entries = readClientCerts(now ?? []);
  };
  let said = "";
  return (subject, others) => {
    try {
      refresh();
      said = "";
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      if (error.message !== said) complain(`${error.message}; what was read before stays in force`);
      said = error.message;
    }
    return mapSubject(entries, subject, others);
  };
}
