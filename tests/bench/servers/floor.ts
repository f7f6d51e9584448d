/** The floor (floor.c) in the forms that the workloads compare with. */
import { start } from "../process.ts";
import { makeMaildir, POP_USERS } from "../site.ts";
import { freshFolder, type Server } from "./types.ts";

type Form = Pick<Server, "name" | "about" | "workloads"> & { readonly options: readonly string[] };

const FORMS: readonly Form[] = [
  {
    name: "floor",
    about: "C, one thread, answers the bytes and judges nothing, keeps nothing",
    workloads: ["w1", "w1b", "w4", "w5", "w6"],
    options: [],
  },
  {
    name: "floor-drop",
    about: "the same, closing the connection after the refused recipient",
    workloads: ["w1"],
    options: ["-x"],
  },
  {
    name: "floor-group",
    about: "the same, messages of one turn share one syncfs",
    workloads: ["w2", "w3", "w4"],
    options: ["-s", "group"],
  },
  {
    name: "floor-order",
    about: "the same in the order of a Maildir: content synced, then linked, then the names synced",
    workloads: ["w2", "w3"],
    options: ["-s", "order"],
  },
  {
    name: "floor-fsync",
    about: "the same, each message synced on its own",
    workloads: ["w2"],
    options: ["-s", "fsync"],
  },
];

function floor(form: Form): Server {
  return {
    name: form.name,
    kind: "floor",
    about: form.about,
    workloads: form.workloads,
    drops: form.name === "floor-drop",
    obstacle: () => null,
    start(bench, { workload, port }) {
      const data = freshFolder(bench, form.name);
      makeMaildir(data);
      for (let i = 0; workload === "w5" && i < POP_USERS; i++) {
        Deno.mkdirSync(`${data}/u${i}`);
        Deno.symlinkSync(`${bench.site.root}/home/u${i}/Maildir/cur`, `${data}/u${i}/new`);
      }
      const listen = [workload === "w5" ? "-P" : "-p", String(port)];
      const argv = [bench.tools.floor, ...listen, "-m", data, ...form.options];
      return Promise.resolve(start(argv, { log: `${bench.dir}/${form.name}.log` }));
    },
    maildir: (bench) => `${bench.dir}/run/${form.name}`,
  };
}

export const FLOORS: readonly Server[] = FORMS.map(floor);
