/**
 * Who is asked: the service as it would run, and beside it whoever else could be.
 *
 * Started as root, a service gives root away and keeps a keeper. Then three are asked: root, the service's user with that
 * keeper, and that user alone (as tcpserver -u runs it): what works as root and fails alone is seen at once. This process
 * itself becomes that user, so nothing here is a guess.
 */
import { dropTo, PrivilegeError } from "../net/privileges.ts";
import { startKeeper } from "../keeper/start.ts";
import { judgeAttempt } from "../replay/attempt.ts";
import type { Attempt } from "../replay/types.ts";
import { NO_TRACE } from "../trace/tracer.ts";
import type { Instruction, SiteLookup } from "../validate/types.ts";
import { type ParsedArgs, reasonOf, SiteError } from "./command.ts";
import type { MissingView, View } from "./explain_types.ts";
import { keeperCommand } from "./keeper.ts";
import { chooseIdentity, isRoot } from "./root.ts";
import { openTrial, type Trial } from "./trial.ts";

/** What asking came to. */
export interface Asked {
  /** The service's. */
  readonly view: View;
  readonly views: readonly (View | MissingView)[];
  /** The site that gave `view`. */
  readonly trial: Trial;
  readonly instructions: readonly Instruction[] | string;
  close(): Promise<void>;
}

/** The answer of one site. */
async function askSite(trial: Trial, attempt: Attempt, who: string): Promise<View> {
  const judgement = await judgeAttempt(trial, attempt, { data: true });
  const [address = ""] = attempt.recipients;
  // As the session took it: an address literal may be ours, and rules may append to it.
  const looked = judgement.recipients[0]?.lookup?.address ??
    address + (judgement.env["RELAYCLIENT"] ?? "");
  const result = await trial.site.current.asked.lookup(looked, true);
  return { who, uid: Deno.uid() ?? -1, judgement, result };
}

/** What would be done with the mail, as far as this process may know. */
function instructionsOf(lookup: SiteLookup, view: View): readonly Instruction[] | string {
  const { verdict } = view.result;
  if (verdict === "remote" || verdict === "discarded") return [];
  const { trouble, instructions } = lookup.readInstructions(view.result);
  return trouble ?? instructions;
}

/** Asks one identity: this process stays what it is. */
async function askHere(args: ParsedArgs, attempt: Attempt, who: string): Promise<Asked> {
  const trial = await openTrial(args);
  try {
    const view = await askSite(trial, attempt, who);
    return {
      view,
      views: [view],
      trial,
      instructions: instructionsOf(trial.site.current.lookup, view),
      close: () => trial.close(),
    };
  } catch (error) {
    await trial.close();
    throw error;
  }
}

/** Asks. Where this process is root it ends as the service's user. @throws {SiteError} or {UsageError} */
export async function askAll(args: ParsedArgs, attempt: Attempt): Promise<Asked> {
  if (!isRoot()) return await askHere(args, attempt, `uid ${Deno.uid()}`);
  const asked = await askHere(args, attempt, "root");
  try {
    return await askServices(args, attempt, asked);
  } catch (error) {
    if (!(error instanceof SiteError)) throw error;
    // Whatever keeps a service from starting: what root would answer is better than nothing.
    const trouble: MissingView = { who: "service", trouble: error.message };
    return { ...asked, views: [...asked.views, trouble] };
  }
}

async function askServices(args: ParsedArgs, attempt: Attempt, root: Asked): Promise<Asked> {
  const { place, current } = root.trial.site;
  const identity = chooseIdentity(place, current.settings, "explain");
  if (identity === null) return root;
  const name = identity.name ?? (current.settings.run_as || "qmaild");
  const keeper = await startKeeper(keeperCommand(place), NO_TRACE).catch((error: unknown) => {
    const why = reasonOf(error);
    throw new SiteError(`The keeper could not be started: ${why}`);
  });
  try {
    dropTo(identity);
    requireReadable(args.value("dns-file"), name);
    const trial = await openTrial(args);
    trial.site.settle(keeper);
    const view = await askSite(trial, attempt, `${name} with keeper`);
    const alone = await askAlone(args, attempt, `${name} alone`);
    return {
      view,
      views: [view, alone, ...root.views],
      trial,
      instructions: root.instructions,
      async close() {
        await trial.close();
        await root.close();
      },
    };
  } catch (error) {
    await keeper.close();
    throw error instanceof PrivilegeError ? new SiteError(error.message) : error;
  }
}

/** The same user without a keeper, who may be able to do nothing at all. */
async function askAlone(
  args: ParsedArgs,
  attempt: Attempt,
  who: string,
): Promise<View | MissingView> {
  try {
    const asked = await askHere(args, attempt, who);
    await asked.close();
    return asked.view;
  } catch (error) {
    if (error instanceof SiteError) return { who, trouble: error.message };
    throw error;
  }
}

/** The what-if answers are read by whoever is asked. @throws {SiteError} */
function requireReadable(file: string | undefined, name: string): void {
  if (file === undefined) return;
  try {
    Deno.openSync(file).close();
  } catch (error) {
    const why = reasonOf(error);
    throw new SiteError(`--dns-file can't be read by ${name}: ${why}`);
  }
}
