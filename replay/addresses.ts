/**
 * All addresses that a tree of qmail can name: local parts from users/assign, the users of the system and the dot-qmail files
 * in their homes, with every domain of the control files.
 *
 * What takes any name (a -default file, a wildcard, a domain) is asked with a name that nobody has. Users that only another
 * source than the passwd file knows are not seen.
 */

/** Where to look. Paths as file calls take them; no "/" at the end. */
export interface TreePlace {
  /** The qmail directory. */
  readonly path: string;
  /** --root, "" for none. */
  readonly root: string;
  /** qmail's conf-break. */
  readonly breaks: string;
  /** Entries of a control file; null: there is none. @throws {ControlError} */
  readonly lines: (name: string) => readonly string[] | null;
}

export interface NamedAddresses {
  readonly addresses: readonly string[];
  /** Sentences: what could not be looked into, or was too much. */
  readonly notes: readonly string[];
}

/** Stands for any name that nobody has. */
export const ANY_NAME = "qfront-any-other-name";
const MOST_ADDRESSES = 200_000;
/** What every domain should take (RFC 2142, RFC 5321 section 4.5.1). */
const ROLES = ["postmaster", "abuse", ANY_NAME];

type Note = (sentence: string) => void;

const why = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/ \(os error \d+\).*$/s, "");

/** A file one char a byte; "" where there is none. */
function readText(path: string, note: Note): string {
  try {
    return new TextDecoder("latin1").decode(Deno.readFileSync(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) note(`"${path}" can't be read: ${why(error)}`);
    return "";
  }
}

/** What stands behind ".qmail" + `start` in the names of a home's files, as extensions of an address. */
function extensionsIn(home: string, start: string, note: Note): string[] {
  try {
    const begin = `.qmail${start}`;
    return [...Deno.readDirSync(home)].map(({ name }) => name)
      .filter((name) => name.startsWith(begin) && name.length > begin.length)
      .map((name) => name.slice(begin.length).replaceAll(":", "."))
      .map((ext) => /(^|-)default$/.test(ext) ? ext.replace(/default$/, ANY_NAME) : ext);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) note(`"${home}" can't be listed: ${why(error)}`);
    return [];
  }
}

/** Local parts of users/assign (qmail-users(5)). */
function assigned({ path, root }: TreePlace, note: Note): string[] {
  return readText(`${path}/users/assign`, note).split("\n").flatMap((line) => {
    const [first = "", , , , home = "", dash = "", ext = ""] = line.split(":");
    const name = first.slice(1);
    if (first.startsWith("=")) return [name];
    if (!first.startsWith("+") || home === "") return [];
    const rests = extensionsIn(root + home, dash + ext, note);
    return [name + ANY_NAME, ...rests.map((rest) => name + rest)];
  });
}

/** Local parts of the system's users, as qmail-getpw finds them. */
function ofUsers({ path, root, breaks }: TreePlace, note: Note): string[] {
  const users = readText(`${root}/etc/passwd`, note).split("\n").flatMap((line) => {
    const [user = "", , uid = "", , , home = ""] = line.split(":");
    if (user === "" || user === "alias" || uid === "0" || !home.startsWith("/")) return [];
    const extensions = extensionsIn(root + home, breaks, note);
    return [user, ...extensions.map((ext) => `${user}${breaks}${ext}`)];
  });
  return [...users, ...extensionsIn(`${path}/alias`, "-", note)];
}

/** A domain of a control file, "" where it stands for all; a wildcard gets a name. */
const domainOf = (entry: string): string => {
  const domain = entry.trim().toLowerCase();
  return domain.startsWith(".") ? ANY_NAME + domain : domain;
};

/** Addresses of a line of virtualdomains. */
function* ofVirtual(line: string, names: readonly string[], breaks: string): Generator<string> {
  const colon = line.indexOf(":");
  if (colon < 0) return;
  const entry = line.slice(0, colon);
  if (entry.includes("@")) {
    yield entry;
    return;
  }
  const domain = domainOf(entry);
  if (domain === "") return;
  const prefix = `${line.slice(colon + 1).trim()}${breaks}`.toLowerCase();
  for (const role of ROLES) yield `${role}@${domain}`;
  for (const name of names) {
    if (name.toLowerCase().startsWith(prefix)) yield `${name.slice(prefix.length)}@${domain}`;
  }
}

function* everyAddress(place: TreePlace, note: Note): Generator<string> {
  const { lines, breaks } = place;
  const names = [...new Set([...assigned(place, note), ...ofUsers(place, note)])];
  const locals = lines("locals") ?? lines("me") ?? [];
  for (const domain of locals.map(domainOf)) {
    for (const name of [...ROLES, ...names]) yield `${name}@${domain}`;
  }
  for (const line of lines("virtualdomains") ?? []) yield* ofVirtual(line, names, breaks);
  const hosts = [...lines("rcpthosts") ?? [], ...lines("morercpthosts") ?? []];
  for (const domain of hosts.map(domainOf)) {
    for (const role of ROLES) yield `${role}@${domain}`;
  }
}

/** The addresses of a tree. @throws {ControlError} */
export function addressesOf(place: TreePlace, most: number = MOST_ADDRESSES): NamedAddresses {
  const notes = new Set<string>();
  const found = new Set<string>();
  for (const address of everyAddress(place, (sentence) => void notes.add(sentence))) {
    if (found.size >= most) {
      notes.add(`${place.path} names more than ${most} addresses; the others are not compared`);
      break;
    }
    found.add(address);
  }
  return { addresses: [...found], notes: [...notes] };
}
