/**
 * qfront itself: the compiled binary where there is one, else run by Deno.
 *
 * Started as root it serves as qmaild beside its keeper, as in a qmail installation; `qfront-single` is a site
 * whose mail belongs to the user that serves, so that there is no keeper.
 */
import { type Running, start } from "../process.ts";
import { type Bench, exists, type Server, type Start } from "./types.ts";
import type { WorkloadName } from "../workloads.ts";

/** The words that start qfront: the given program, else `dist/qfront`, else Deno on main.ts. */
export function qfrontCommand(top: string, given: string | null): readonly string[] {
  const binary = given ?? `${top}/dist/qfront`;
  if (given !== null || exists(binary)) return [binary];
  const config = ["--config", `${top}/deno.json`, "--no-lock"];
  return [Deno.execPath(), "run", "-A", ...config, `${top}/main.ts`];
}

/** One way to run it. */
interface Form extends Pick<Server, "name" | "about" | "workloads"> {
  readonly settings?: readonly string[];
  /** Started without root, as the owner of all mail. */
  readonly single?: boolean;
  /** With a delivery journal. */
  readonly journal?: boolean;
  readonly drops: boolean;
}

/** In the qmail directory. */
const journalName = (form: Pick<Form, "name">): string => `${form.name}.journal`;

/** The directory of the journal, the serving user's. */
function makeJournal({ site }: Bench, form: Form): void {
  const path = `${site.qmailDir}/${journalName(form)}`;
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  if (form.single === true && Deno.uid() === 0) Deno.chownSync(path, site.uid, site.gid);
}

/** Limits that a load from one address would run into, and what the workload and the form ask for. */
function settings(workload: WorkloadName, form: Form): string[] {
  const words = [
    "max_sessions=20000",
    "max_sessions_per_address=20000",
    `trace_file=log/${form.name}.trace`,
    workload === "w2q" ? "queue=qmail-queue" : "queue=maildir",
    ...(form.settings ?? []),
    ...(form.journal === true ? [`maildir_journal=${journalName(form)}`] : []),
  ];
  if (workload === "w1b") words.push("on_invalid_rcpt=reject", "max_unknown_recipients=0");
  return words.flatMap((word) => ["--set", word]);
}

function startForm(bench: Bench, form: Form, { workload, port }: Start): Running {
  const { root, uid, gid } = bench.site;
  const here = `127.0.0.1:${port}`, elsewhere = "127.0.0.1:0";
  const [smtp, pop3] = workload === "w5" ? [elsewhere, here] : [here, elsewhere];
  const ids = ["--reuid", String(uid), "--regid", String(gid), "--clear-groups"];
  const argv = [
    ...(form.single === true && Deno.uid() === 0 ? ["setpriv", ...ids] : []),
    ...bench.qfront,
    ...["serve", "--root", root, "--smtp", smtp, "--pop3", pop3],
    ...settings(workload, form),
  ];
  if (form.journal === true) makeJournal(bench, form);
  const env = workload === "w2q" ? { QMAILQUEUE: bench.tools.qmailQueue } : {};
  return start(argv, { env, log: `${bench.dir}/${form.name}.log` });
}

const SMTP_AND_POP3: readonly WorkloadName[] = ["w1", "w1b", "w2", "w2q", "w3", "w4", "w5", "w6"];

const FORMS: readonly Form[] = [
  {
    name: "qfront",
    about: "look-up on the site, trace level 2; ends the session after an invalid recipient",
    workloads: [...SMTP_AND_POP3, "stdin"],
    drops: true,
  },
  {
    name: "qfront-single",
    about: "the same as the user that owns all mail, without a keeper",
    workloads: SMTP_AND_POP3,
    single: true,
    drops: true,
  },
  {
    name: "qfront-journal",
    about: "qfront with a delivery journal (maildir_journal)",
    workloads: ["w2", "w3"],
    journal: true,
    drops: true,
  },
  {
    name: "qfront-single-journal",
    about: "qfront-single with a delivery journal",
    workloads: ["w2", "w3"],
    single: true,
    journal: true,
    drops: true,
  },
  {
    name: "qfront-reject",
    about: "the same with on_invalid_rcpt=reject: the client ends the session",
    workloads: ["w1"],
    settings: ["on_invalid_rcpt=reject"],
    drops: false,
  },
  {
    name: "qfront-workers",
    about: "the same with workers=auto",
    workloads: SMTP_AND_POP3,
    settings: ["workers=auto"],
    drops: true,
  },
];

const qfront = (form: Form): Server => ({
  name: form.name,
  kind: "qfront",
  about: form.about,
  workloads: form.workloads,
  drops: form.drops,
  obstacle: () => null,
  start: (bench, what) => Promise.resolve(startForm(bench, form, what)),
  maildir: (bench) => `${bench.site.root}/home/bench/Maildir`,
  cleanUp(bench) {
    const trace = `${bench.site.qmailDir}/log/${form.name}.trace`;
    if (exists(trace)) Deno.removeSync(trace);
    const journal = `${bench.site.qmailDir}/${journalName(form)}`;
    if (exists(journal)) Deno.removeSync(journal, { recursive: true });
  },
});

export const QFRONTS: readonly Server[] = FORMS.map(qfront);
