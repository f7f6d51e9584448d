/**
 * The connection rules of a site's SMTP listeners: what `tcp_rules` names, opened again when the setting
 * names another file.
 */
import type { Rules } from "../net/listener.ts";
import { openRules, RulesError } from "../net/rules.ts";
import { SiteError } from "./command.ts";
import type { Site } from "./site.ts";

type Environment = Readonly<Record<string, string>>;

/** What `tcp_rules` names now. @throws {RulesError} */
function openNamed(site: Site, name: string, env: Environment): Rules {
  if (name === "") return () => env;
  const { root, path } = site.place;
  return openRules({
    path: name.startsWith("/") ? root + name : `${path}/${name}`,
    name,
    env,
    onProblem: (sentence) => console.error(`qfront: ${sentence}`),
    trace: site.tracer,
  });
}

/** The rules of `site`; `env`: what every session gets. @throws {SiteError} when they can't be used. */
export function siteRules(site: Site, env: Environment): Rules {
  let name = site.current.settings.tcp_rules;
  let rules: Rules;
  try {
    rules = openNamed(site, name, env);
  } catch (error) {
    throw error instanceof RulesError ? new SiteError(error.message) : error;
  }
  return (ip) => {
    const wanted = site.current.settings.tcp_rules;
    if (wanted !== name) {
      name = wanted;
      try {
        rules = openNamed(site, name, env);
      } catch (error) {
        if (!(error instanceof RulesError)) throw error;
        console.error(`qfront: ${error.message}; the rules read before stay in force`);
      }
    }
    return rules(ip);
  };
}
