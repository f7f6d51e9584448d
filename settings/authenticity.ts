/** Settings of sender authenticity: SPF (docs/spf.md); DKIM, ARC and DMARC (docs/dkim.md). */
import { check, choice, flag, list } from "./kinds.ts";

export const SPF_SETTINGS = {
  spf: check("on", "Ask SPF as control/spfbehavior says; without that file nothing is asked"),
} as const;

export const DKIM_SETTINGS = {
  dkim: check("off", "Verify DKIM signatures and tell what came of it"),
  arc: check("off", "Verify ARC chains and tell what came of it"),
  arc_trusted: list(
    [],
    "Domains whose ARC seals are believed: what passed DMARC with them is not refused here",
  ),
  dmarc: check("off", "Evaluate DMARC, tell what came of it and do what dmarc_action says"),
  dmarc_action: choice(
    ["annotate", "quarantine", "reject"],
    "annotate",
    "The utmost that is done with mail that fails, where its domain asks for it",
  ),
  dmarc_lists: list(
    [],
    "Domains of mailing lists: mail that SPF or DKIM shows to be theirs is not refused by DMARC",
  ),
  authentication_results: flag(
    true,
    "Tell the results in Authentication-Results, and strike out forged ones of our name",
  ),
  authentication_results_login: flag(
    false,
    "Tell in it who logged in as well (auth=pass); recipients elsewhere see the login",
  ),
} as const;

export const AUTHENTICITY_SETTINGS = { ...SPF_SETTINGS, ...DKIM_SETTINGS } as const;
