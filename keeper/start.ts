/**
 * Starts the keeper: the program given, while root is still there, with a line of its own to it. It ends when the line
 * ends, that is with us, however we end. What it says on standard error is said on ours.
 */
import type { FileReceiver } from "../net/hand_over.ts";
import type { Tracer } from "../trace/tracer.ts";
import { KeeperConnection } from "./connection.ts";
import { offerLine } from "./line.ts";
import { FrameWriter } from "./writer.ts";

/** A keeper at work. */
export interface Keeper {
  readonly pid: number;
  readonly connection: KeeperConnection;
  /** Where its files come; null where they can't. */
  readonly files: FileReceiver | null;
  /** Resolves with a reason when the keeper ends without being asked to. */
  readonly lost: Promise<string>;
  /** A number for a message that no other has. */
  nextMail(): number;
  /** Reads settings and site again. Never rejects. */
  reload(): Promise<void>;
  /** Ends its input; resolves when it has ended. */
  close(): Promise<void>;
}

/** Starts the program and waits until it is on the line. */
async function bringUp(program: string, args: readonly string[]) {
  const offer = offerLine();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args, `--line=${offer.path}`],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    offer.withdraw();
    throw error;
  }
  const gone = child.status.then(({ code }) => {
    throw new Error(`it ended with ${code}`);
  });
  return { child, line: await offer.take(gone) };
}

/** Starts `command` and greets it. Rejects when it is no keeper of this version. */
export async function startKeeper(command: readonly string[], tracer: Tracer): Promise<Keeper> {
  const [program = "", ...args] = command;
  const { child, line } = await bringUp(program, args);
  const connection = new KeeperConnection({
    input: line.input,
    output: new FrameWriter(line.write, line.writeNow),
    tracer,
  });
  let isClosing = false;
  const close = async () => {
    isClosing = true;
    try {
      line.close();
    } catch {
      // The line ended first.
    }
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
    files: line.files,
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
