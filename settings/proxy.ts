/** Settings about who may say for whom he speaks (docs/proxy.md). */
import { integer, list, type Setting, SettingError } from "./kinds.ts";

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;
const IPV6 = /^(?=.*:.*:)[\da-fA-F:.]+(?:\/(\d{1,3}))?$/;

/** Has it the form of an address or a network? */
function isNetwork(word: string): boolean {
  const [, a, b, c, d, bits = "32"] = IPV4.exec(word) ?? [];
  if (a !== undefined) {
    return [a, b, c, d].every((part) => Number(part) <= 255) && Number(bits) <= 32;
  }
  const match = IPV6.exec(word);
  return match !== null && Number(match[1] ?? "128") <= 128;
}

/** Addresses and networks; a slip would be a proxy that is not believed, or worse. */
function networks(about: string): Setting<readonly string[]> {
  const words = list([], about);
  return {
    ...words,
    parse(text) {
      const named = words.parse(text);
      const wrong = named.find((word) => !isNetwork(word));
      if (wrong === undefined) return named;
      throw new SettingError(`"${wrong}" is neither an address nor a network such as 192.0.2.0/24`);
    },
  };
}

export const PROXY_SETTINGS = {
  proxy_from: networks(
    "Addresses and networks whose connections begin with a PROXY header, on every listener",
  ),
  proxy_timeout_seconds: integer(5, "seconds", "Longest wait for that header", 3, 300),
  xclient_from: networks("Addresses and networks that may say XCLIENT"),
} as const;
