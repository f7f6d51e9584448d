/** Requests of the control socket: a line of JSON understood, and answered by the service's desk. */
import { parseNetwork, showNetwork } from "../policy/networks.ts";
import type { Answer, Request, ServiceDesk } from "./types.ts";

/** A request that can't be meant: one sentence. */
export class RequestError extends Error {
  override name = "RequestError";
}

const PLAIN = ["stats", "sessions", "reload", "watch", "bans", "shadow"] as const;

/** Most characters of a ban's reason. */
const MAX_REASON = 200;

/** A network in its one text. @throws {RequestError} */
export function networkText(word: string): string {
  const network = parseNetwork(word);
  if (network === null) throw new RequestError(`"${word}" is neither an address nor a network`);
  return showNetwork(network);
}

/** Reads a line. @throws {RequestError} */
export function readRequest(line: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new RequestError("A request is one line of JSON");
  }
  if (typeof value !== "object" || value === null) {
    throw new RequestError('A request is an object such as {"ask":"stats"}');
  }
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const plain = PLAIN.find((word) => word === fields["ask"]);
  if (plain !== undefined) return { ask: plain };
  switch (fields["ask"]) {
    case "kill":
      return { ask: "kill", session: numberOf(fields, "session") };
    case "ban": {
      const seconds = fields["seconds"] === null ? null : numberOf(fields, "seconds");
      const reason = textOf(fields, "reason").slice(0, MAX_REASON);
      return { ask: "ban", network: networkText(textOf(fields, "network")), reason, seconds };
    }
    case "lift":
      return { ask: "lift", network: networkText(textOf(fields, "network")) };
    default:
      throw new RequestError(
        `"ask" is one of ${[...PLAIN, "kill", "ban", "lift"].join(", ")}`,
      );
  }
}

function numberOf(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new RequestError(`"${name}" must be a whole number of 1 or more`);
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === "string" && value !== "") return value;
  throw new RequestError(`"${name}" must be a text`);
}

/** Answers all but "watch", which is not one answer. */
export async function answerRequest(
  desk: ServiceDesk,
  request: Exclude<Request, { readonly ask: "watch" }>,
): Promise<Answer> {
  const ok = (result: unknown): Answer => ({ ok: true, result });
  switch (request.ask) {
    case "stats":
      return ok(await desk.stats());
    case "shadow":
      return ok((await desk.stats()).checks);
    case "sessions":
      return ok(await desk.sessions());
    case "reload":
      desk.reload();
      return ok("Settings are read again");
    case "bans":
      return ok(desk.listBans());
    case "ban":
      return ok(desk.addBan(request.network, request.reason, request.seconds));
    case "lift":
      return desk.liftBan(request.network)
        ? ok(`${request.network} is not banned any more`)
        : { ok: false, error: `There is no ban of ${request.network}` };
    case "kill":
      return await desk.kill(request.session)
        ? ok(`Session ${request.session} ends`)
        : { ok: false, error: `There is no session ${request.session}` };
  }
}
