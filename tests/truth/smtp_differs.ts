/**
 * Recorded qmail-smtpd cases that the SMTP service answers otherwise on purpose, each with its
 * reason. The code says DIFFERS: at the place. Compared with validate=off, bare_lf=reject.
 */

const NO_RCPTHOSTS =
  "a missing control/rcpthosts is no open relay: only what the look-up calls local or virtual is taken";

export const SMTP_DIFFERS: Readonly<Record<string, string>> = {
  "smtp/065": "a command line has a limit of 2,048 bytes (command_line_bytes)",
  "smtp/091": "a message has a limit of 100 recipients (max_recipients)",
  "smtp/262": NO_RCPTHOSTS,
  "smtp/263": NO_RCPTHOSTS,
  "smtp/264": NO_RCPTHOSTS,
  "smtp/268": NO_RCPTHOSTS,
  "smtp/270": NO_RCPTHOSTS,
  "smtp/274": NO_RCPTHOSTS,
  "smtp/275": NO_RCPTHOSTS,
  "smtp/279": NO_RCPTHOSTS,
  "smtp/285": NO_RCPTHOSTS,
  "smtp/322": NO_RCPTHOSTS,
};
