/**
 * The connection rules of a site's SMTP listeners: what `tcp_rules` names, opened again when the setting
 * names another file.
 */
import { withDeadline } from "../dns/deadline.ts";
import { confirmReverse } from "../dns/reverse.ts";
import { createSystemResolver } from "../dns/system.ts";
import type { Resolver } from "../dns/types.ts";
import type { Rules } from "../net/listener.ts";
import { openRules, RulesError } from "../net/rules.ts";
import { SiteError } from "./command.ts";
import { complain } from "./say.ts";
import type { Site } from "./site.ts";

type Environment = Readonly<Record<string, string>>;

/** Milliseconds that a connection waits for its name at the most. */
const NAME_MS = 5000;

/**
 * Names by reverse DNS, for rules that are for names. Only a name that leads back to its address counts, since anybody may
 * call his own address anything; while the DNS can't say, there is none.
 */
function openNames(
  site: Site,
  given: Resolver | null,
): (ip: string) => Promise<string | null> {
  let resolver = given;
  return async (ip) => {
    try {
      resolver ??= createSystemResolver(site.current.settings, site.tracer);
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
      return null;
    }
    return (await confirmReverse(ip, withDeadline(resolver, NAME_MS))).confirmed;
  };
}

/** What `tcp_rules` names now. @throws {RulesError} */
function openNamed(
  site: Site,
  name: string,
  env: Environment,
  resolver: Resolver | null,
): Rules {
  if (name === "") return () => env;
  const { root, path } = site.place;
  return openRules({
    path: name.startsWith("/") ? root + name : `${path}/${name}`,
    name,
    env,
    onProblem: complain,
    trace: site.tracer,
    nameOf: openNames(site, resolver),
  });
}

/**
 * The rules of `site`; `env`: what every session gets; `resolver`: asked in place of the DNS.
 * @throws {SiteError} when they can't be used.
 */
export function siteRules(site: Site, env: Environment, resolver: Resolver | null = null): Rules {
  let name = site.current.settings.tcp_rules;
  let rules: Rules;
  try {
    rules = openNamed(site, name, env, resolver);
  } catch (error) {
    throw error instanceof RulesError ? new SiteError(error.message) : error;
  }
  return (ip) => {
    const wanted = site.current.settings.tcp_rules;
    if (wanted !== name) {
      name = wanted;
      try {
        rules = openNamed(site, name, env, resolver);
      } catch (error) {
        if (!(error instanceof RulesError)) throw error;
        complain(`${error.message}; the rules read before stay in force`);
      }
    }
    return rules(ip);
  };
}
