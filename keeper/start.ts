/**
 * Starts the keeper: the program given, while root is still there, with pipes for its standard input and output. It
 * ends when its input ends, that is with us, however we end. What it says on standard error is said on ours.
 */
import type { Tracer } from "../trace/tracer.ts";
import { KeeperConnection } from "./connection.ts";
import { FrameWriter } from "./writer.ts";

/** A keeper at work. */
export interface Keeper {
  readonly pid: number;
  readonly connection: KeeperConnection;
  /** Resolves with a reason when the keeper ends without being asked to. */
  readonly lost: Promise<string>;
  /** A number for a message that no other has. */
  nextMail(): number;
  /** Reads settings and site again. Never rejects. */
  reload(): Promise<void>;
  /** Ends its input; resolves when it has ended. */
  close(): Promise<void>;
}

/** Starts `command` and greets it. Rejects when it is no keeper of this version. */
export async function startKeeper(command: readonly string[], tracer: Tracer): Promise<Keeper> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const connection = new KeeperConnection({
    input: child.stdout,
    output: new FrameWriter((bytes) => writer.write(bytes)),
    tracer,
  });
  let isClosing = false;
  const close = async () => {
    isClosing = true;
    await writer.close().catch(() => undefined);
    await child.status;
  };
  try {
    await connection.greet();
  } catch (error) {
    await close();
    throw error;
  }
  let lastMail = 0;
  return {
    pid: child.pid,
    connection,
    lost: new Promise((resolve) => {
      void connection.gone.then((reason) => {
        if (!isClosing) resolve(reason);
      });
    }),
    nextMail: () => ++lastMail,
    reload: async () => void await connection.ask("look", "reload").catch(() => undefined),
    close,
  };
}
