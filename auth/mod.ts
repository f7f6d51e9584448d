/**
 * The room's door: who may log in, as the setting `auth_source` says - users/poppasswd.cdb, a
 * checkpassword program or CVM modules.
 */
import type { Tracer } from "../trace/tracer.ts";
import type { Settings } from "../settings/mod.ts";
import { type CheckpasswordAuthenticator, openCheckpassword } from "./checkpassword.ts";
import { splitCommand } from "./command_line.ts";
import { makeHasher } from "./crypt.ts";
import { openCvm } from "./cvm.ts";
import { readCvmAddresses } from "./cvm_transport.ts";
import { makeGate } from "./gate.ts";
import { openPoppasswd } from "./poppasswd.ts";
import { makeSuccessCache } from "./success_cache.ts";
import type { Authenticator, SecretSource, SessionEnv } from "./types.ts";

export { checkApop } from "./sasl_digest.ts";
export {
  beginSasl,
  MECHANISMS,
  offered,
  randomNonce,
  readInitialResponse,
  readSaslLine,
  type SaslContext,
  type SaslExchange,
  type SaslStep,
} from "./sasl.ts";
export type { RemoteSecrets } from "./sasl_types.ts";
export type * from "./types.ts";

/** Where the logins of a site lie, below the qmail directory. */
export const POPPASSWD_CDB = "users/poppasswd.cdb";

/** A setting that no logins can be judged by. The message is a sentence. */
export class AuthConfigError extends Error {
  override name = "AuthConfigError";
}

export type AuthSettings = Pick<
  Settings,
  | "auth_source"
  | "auth_cache_seconds"
  | "auth_cache_logins"
  | "auth_timeout_seconds"
  | "max_auth_programs"
  | "max_password_hashes"
>;

export interface AuthOptions {
  readonly settings: AuthSettings;
  /** The qmail directory as Deno's file calls take it, --root applied. */
  readonly qmailDir: string;
  readonly tracer: Tracer;
  /** Environment of programs; CVM_LOOKUP_SECRET or LOOKUP_SECRET is the modules' secret. */
  readonly env: SessionEnv;
  /** How old, in milliseconds, what is known of a users file may be; absent: it is looked at each time. */
  readonly keepMs?: number;
}

/**
 * Judges passwords; `secrets` is null where nothing is stored that challenge-response mechanisms
 * could use.
 */
export interface AuthService extends Authenticator {
  readonly source: "poppasswd" | "checkpassword" | "cvm";
  readonly secrets: SecretSource | null;
  /**
   * Hands APOP's digest and stamp to a program that may know the secrets; absent where there is
   * none.
   */
  readonly checkResponse?: CheckpasswordAuthenticator["checkResponse"];
}

/** Logins that may wait for a free program. */
const MAX_WAITING = 1000;

function openUsers({ settings, qmailDir, tracer, keepMs = 0 }: AuthOptions): AuthService {
  const users = openPoppasswd({
    path: `${qmailDir}/${POPPASSWD_CDB}`,
    hasher: makeHasher(settings.max_password_hashes),
    cache: makeSuccessCache(settings.auth_cache_seconds, settings.auth_cache_logins),
    tracer,
    keepMs,
  });
  const { checkPassword } = users;
  return { source: "poppasswd", wantsEnv: false, secrets: users, checkPassword };
}

function openProgram({ settings, env }: AuthOptions, text: string): AuthService {
  const command = splitCommand(text);
  if (command === null || command.length === 0) {
    throw new AuthConfigError(
      `Setting auth_source names no program: "checkpassword /bin/checkpassword" is its form`,
    );
  }
  const opened = openCheckpassword({
    command,
    timeoutSeconds: settings.auth_timeout_seconds,
    atOnce: settings.max_auth_programs,
    env,
  });
  return { source: "checkpassword", secrets: null, ...opened };
}

function openModules({ settings, env }: AuthOptions, text: string): AuthService {
  const addresses = readCvmAddresses(text);
  if (typeof addresses === "string") {
    throw new AuthConfigError(`Setting auth_source: ${addresses}`);
  }
  const opened = openCvm({
    addresses,
    secret: env.CVM_LOOKUP_SECRET ?? env.LOOKUP_SECRET ?? null,
    timeoutSeconds: settings.auth_timeout_seconds,
    gate: makeGate(settings.max_auth_programs, MAX_WAITING, "logins"),
    env,
  });
  return { source: "cvm", secrets: null, checkPassword: opened.checkPassword };
}

/**
 * Opens what `auth_source` names. @throws {AuthConfigError} when it names nothing that is known.
 */
export function openAuthenticator(options: AuthOptions): AuthService {
  const [, source = "", rest = ""] =
    /^\s*(\S*)\s*([\s\S]*?)\s*$/.exec(options.settings.auth_source) ??
      [];
  switch (source.toLowerCase()) {
    case "poppasswd":
      if (rest === "") return openUsers(options);
      break;
    case "checkpassword":
      return openProgram(options, rest);
    case "cvm":
      return openModules(options, rest);
  }
  throw new AuthConfigError(
    `Setting auth_source: "${options.settings.auth_source}" is not poppasswd, ` +
      "checkpassword COMMAND or cvm ADDRESS",
  );
}
