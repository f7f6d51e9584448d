/** How commands reach a running service: the control socket that its settings name. */
import { ControlClient, ControlRefusal } from "../ctl/client.ts";
import type { Request } from "../ctl/types.ts";
import type { Settings } from "../settings/mod.ts";
import { controlPath } from "./attendants.ts";
import {
  type CommandOption,
  type ParsedArgs,
  reasonOf,
  RefusedError,
  SITE_OPTIONS,
  SiteError,
} from "./command.ts";
import { print } from "./say.ts";
import { withControl } from "./serve_options.ts";
import { findSite, readSettings, type SitePlace } from "./site.ts";

/** Options of commands that ask a service. */
export const CONTROL_OPTIONS: readonly CommandOption[] = [
  { name: "control", value: "PATH", about: "the socket (setting control_socket)" },
  { name: "json", about: "what the service said, as it said it" },
  ...SITE_OPTIONS,
];

/** A site, and the service that runs on it. */
export interface Running {
  readonly place: SitePlace;
  readonly settings: Settings;
  /** The socket's name; "" when the settings name none. */
  readonly path: string;
  /** null: no service answers. */
  readonly client: ControlClient | null;
}

/** Looks for the service. @throws {SiteError} when it may not be asked. */
export async function findRunning(given: ParsedArgs): Promise<Running> {
  const args = withControl(given);
  const place = findSite(args);
  const settings = (await readSettings(place)).current;
  const path = controlPath(place, settings);
  try {
    const client = path === "" ? null : await ControlClient.open(path);
    return { place, settings, path, client };
  } catch (error) {
    const why = reasonOf(error);
    throw new SiteError(`The service at "${path}" can't be asked: ${why}`);
  }
}

/** The service. @throws {SiteError} when none answers. */
export const requireRunning = async (args: ParsedArgs): Promise<ControlClient> =>
  (await requireService(args)).client;

/** The service, and the socket where it can be asked once more. @throws {SiteError} when none answers. */
export async function requireService(
  args: ParsedArgs,
): Promise<{ readonly client: ControlClient; readonly path: string }> {
  const { client, path } = await findRunning(args);
  if (client !== null) return { client, path };
  throw new SiteError(
    path === ""
      ? "Setting control_socket names no socket, so no service can be asked: set it, or start serve with --control PATH and give that here"
      : `No service answers at "${path}"`,
  );
}

/** A request's result. @throws {RefusedError} when the answer is no. */
export async function askService<T>(client: ControlClient, request: Request): Promise<T> {
  try {
    return await client.ask(request) as T;
  } catch (error) {
    if (error instanceof ControlRefusal) throw new RefusedError(error.message);
    throw error;
  }
}

/** Prints lines, or the result itself with --json. */
export function printResult(args: ParsedArgs, result: unknown, lines: readonly string[]): void {
  if (args.has("json")) print(JSON.stringify(result));
  else for (const line of lines) print(line);
}
