/** One session on standard input and output: what `qfront smtp`, `pop3`, `qmtp` and `qmqp` have in common. */
import { kindOf, runStdin } from "../net/stdin.ts";
import { type Command, type ParsedArgs, SITE_OPTIONS, UsageError } from "./command.ts";
import { openSite } from "./site.ts";
import { openStdinTls } from "./tls.ts";

/**
 * What a process that is root does: a POP3 session becomes its maildrop's owner; one that takes mail from a client of the
 * network gives root away as serve does. What somebody typed, or keeps in a file, is played as who he is.
 */
function asRoot(name: string): "settle" | "become_owner" | undefined {
  if (name === "pop3") return "become_owner";
  return kindOf(0) === "socket" && Deno.uid() === 0 ? "settle" : undefined;
}

/** Describes and runs a session of protocol `name`. */
export function stdinCommand(
  name: "smtp" | "pop3" | "qmtp" | "qmqp",
  about: string,
  text: string,
  example: string,
): Command {
  return {
    name,
    about,
    operands: "",
    text,
    options: SITE_OPTIONS,
    examples: [example],
    async run(args: ParsedArgs): Promise<number> {
      if (args.operands.length > 0) throw new UsageError(`${name} takes no "${args.operands[0]}"`);
      const isSecurable = kindOf(0) === "socket";
      const options = { isService: false, asRoot: asRoot(name), serves: name, isSecurable };
      const site = await openSite(args, options);
      const tls = await openStdinTls(site);
      if (options.asRoot === "settle") await (await import("./root.ts")).leaveRoot(site, name);
      const code = await runStdin({
        protocol: site.current[name],
        trace: site.tracer,
        writeStallSeconds: site.current.settings.write_stall_seconds,
        upgrade: tls.upgrade,
      });
      await tls.close();
      await site.close();
      return code;
    },
  };
}
