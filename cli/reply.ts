/** `qfront reply [ID | CODE]`: what a reply means, what its sender makes of it, what causes it and how to relax that. */
import { type Command, type ParsedArgs, UsageError } from "./command.ts";
import {
  entryOf,
  knownReplies,
  type KnownReply,
  repliesOf,
  seenBySender,
} from "./reply_catalogue.ts";
import { print } from "./say.ts";

/** One screen about one reply. */
export function replyText(reply: KnownReply): string {
  const entry = entryOf(reply.id);
  const rows: readonly (readonly [string, string])[] = [
    ["means", entry?.meaning ?? ""],
    ["sender", seenBySender(reply)],
    ["made by", entry?.made ?? ""],
    ["relax", entry?.relax ?? ""],
  ];
  return [
    `${reply.id} (${reply.service})`,
    `  ${reply.line}`,
    ...rows.filter(([, text]) => text !== "").map(([name, text]) =>
      `  ${`${name}:`.padEnd(9)}${text}`
    ),
  ].join("\n");
}

const rowOf = ({ id, service, code, line }: KnownReply): string =>
  `${id.padEnd(26)}${service.padEnd(8)}${line.startsWith(code) ? line : `${code} ${line}`}`;

const asJson = (reply: KnownReply) => ({
  ...reply,
  ...entryOf(reply.id),
  sender: seenBySender(reply),
});

/** What the command prints. @throws {UsageError} when nothing is known of `word` */
export function answer(word: string | undefined, json: boolean): string {
  const found = word === undefined ? knownReplies() : repliesOf(word);
  if (found.length === 0) {
    throw new UsageError(`No reply has the id or code "${word}" (qfront reply lists them all)`);
  }
  if (json) return JSON.stringify(found.map(asJson), null, 2);
  if (word === undefined) return found.map(rowOf).join("\n");
  return found.map(replyText).join("\n\n");
}

export const REPLY: Command = {
  name: "reply",
  about: "what a reply means, what makes it, how to relax that",
  operands: "[ID | CODE]",
  words: [...new Set(knownReplies().map(({ id }) => id))],
  text: 'Takes an id as the trace has it, or a code: 550, 5.1.1, "550 5.1.1". Without one\n' +
    "it lists all replies.",
  options: [{ name: "json", about: "one JSON array" }],
  examples: ["qfront reply unknown_recipient", "qfront reply 5.7.1"],
  run(args: ParsedArgs): Promise<number> {
    if (args.operands.length > 2) throw new UsageError("reply takes one id or code");
    const word = args.operands.length === 0 ? undefined : args.operands.join(" ");
    print(answer(word, args.has("json")));
    return Promise.resolve(0);
  },
};
