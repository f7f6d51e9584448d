/** One session on standard input and output: what `qfront smtp`, `pop3`, `qmtp` and `qmqp` have in common. */
import { runStdin } from "../net/stdin.ts";
import { type Command, type ParsedArgs, SITE_OPTIONS, UsageError } from "./command.ts";
import { openSite } from "./site.ts";
import { openStdinTls } from "./tls.ts";

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
      const site = await openSite(args, { isService: false });
      const tls = await openStdinTls(site);
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
