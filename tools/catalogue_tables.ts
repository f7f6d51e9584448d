/** The tables of findings and of replies in docs/; a test holds the pages against them. */
import { entryOf, knownReplies } from "../cli/reply_catalogue.ts";
import { FINDINGS } from "../doctor/catalogue.ts";
import { markdownTable } from "../settings/doc_table.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("*", "\\*");

export const findingsTable = (): string =>
  markdownTable(
    ["finding", "severity", "meaning", "why it matters", "mending"],
    Object.entries(FINDINGS).map(([id, { severity, meaning, why, mending }]) => [
      `\`${id}\``,
      severity,
      cell(meaning),
      cell(why),
      cell(mending),
    ]),
  );

/** Replies of one service that say no or not now: the others need no explanation. */
export const repliesTable = (service: string): string =>
  markdownTable(
    ["reply", "code", "meaning", "made by", "how to relax it"],
    knownReplies().filter((reply) =>
      reply.service === service && /^(4|5|Z|D|-ERR)/.test(reply.code)
    )
      .map(({ id, code }) => {
        const entry = entryOf(id);
        return [
          `\`${id}\``,
          `\`${code}\``,
          cell(entry?.meaning ?? ""),
          cell(entry?.made ?? ""),
          cell(entry?.relax ?? ""),
        ];
      }),
  );

const MARKED = /(<!-- table: (\w+) -->\n)[^]*?(<!-- end of table -->)/g;

/** `page` with the table behind each `<!-- table: NAME -->` brought up to date. */
export const withCatalogues = (page: string): string =>
  page.replace(MARKED, (_all: string, begin: string, name: string, end: string) => {
    const table = name === "findings" ? findingsTable() : repliesTable(name);
    return `${begin}\n${table}\n${end}`;
  });
