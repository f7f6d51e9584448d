/**
 * The cdb that tcprules(1) makes: the key is the address, the data are "D" for deny and "+NAME=VALUE", each with a NUL
 * behind it.
 *
 * The whole file is read at once, so that one that is cut short is found when it is read and not when an address asks.
 */
import { CdbError, CdbReader } from "../cdb/mod.ts";
import { type Rule, RuleTable } from "./rules_table.ts";
import { addRule, type ReadRules, RulesError, type RulesReading } from "./rules_text.ts";

/** Reads a cdb of rules. @throws {RulesError} */
export function readRulesCdb(bytes: Uint8Array, reading: RulesReading): ReadRules {
  const table = new RuleTable();
  const notes: string[] = [];
  try {
    for (const [address, data] of new CdbReader(bytes).entries()) {
      const note = addRule(table, address, decodeRule(data), reading);
      if (note !== null) notes.push(`Key ${note}`);
    }
  } catch (error) {
    if (error instanceof CdbError) throw new RulesError(error.message);
    throw error;
  }
  return { table, notes };
}

/** As tcpserver: what has no NUL behind it, and what is neither D nor an assignment, is ignored. */
function decodeRule(data: string): Rule {
  const env: Record<string, string> = {};
  let deny = false;
  for (const part of data.split("\0").slice(0, -1)) {
    if (part.startsWith("D")) deny = true;
    const equals = part.indexOf("=");
    if (part.startsWith("+") && equals > 1) env[part.slice(1, equals)] = part.slice(equals + 1);
  }
  return { deny, env };
}
