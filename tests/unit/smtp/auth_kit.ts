/** For the tests of AUTH: credentials, and sessions in which they may be used. */
import type { SecureInfo } from "../../../net/types.ts";
import { authOf, codesOf, feed, rigOf, type Setup, talk } from "./kit.ts";

export const EHLO = "EHLO h\r\n";
export const plainOf = (login: string, password: string): string => btoa(`\0${login}\0${password}`);
export const GOOD = plainOf("joe@example.com", "sesame");
export const BAD = plainOf("joe@example.com", "SECRET");
export const MAIL = "MAIL FROM:<joe@example.com>\r\n";
export const FAR = "RCPT TO:<x@far.example>\r\n";
export const TLS: SecureInfo = {
  version: "TLSv1.3",
  cipher: "X_Y",
  sni: null,
  clientSubject: null,
};

export const open = (more: Setup = {}): Setup => ({
  service: "submission",
  deps: { auth: authOf() },
  ...more,
  settings: { smtp_auth: "always", ...more.settings },
});

/** Codes behind the greeting and EHLO's reply. */
export const answers = async (input: string, setup: Setup = open()): Promise<string[]> =>
  (await talk(EHLO + input, setup)).codes.slice(2);

export async function talkSecured(input: string, setup: Setup, info: SecureInfo = TLS) {
  const rig = rigOf(setup);
  rig.engine.secured?.(info);
  await feed(rig.engine, input);
  return { ...rig, said: rig.output.said, codes: codesOf(rig.output.said) };
}
