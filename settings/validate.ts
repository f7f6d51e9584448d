/**
 * Settings of the look-up (docs/lookup.md): what is compiled into qmail and can't be read from a
 * file.
 */
import { choice, type Setting, SettingError, text } from "./kinds.ts";

/** One byte. */
function oneByte(fallback: string, about: string): Setting<string> {
  return {
    ...text(fallback, about),
    parse(t) {
      const word = t.trim();
      if (!/^[\x21-\x7e]$/.test(word)) throw new SettingError(`"${word}" is not one character`);
      return word;
    },
  };
}

/** Mode bits in octal. */
function modeBits(fallback: string, about: string): Setting<string> {
  return {
    ...text(fallback, about),
    parse(t) {
      const word = t.trim();
      if (!/^[0-7]{1,4}$/.test(word)) {
        throw new SettingError(`"${word}" is not one to four octal digits`);
      }
      return word;
    },
  };
}

export const VALIDATE_SETTINGS = {
  conf_break: oneByte("-", "qmail's conf-break: the character between user and extension"),
  conf_patrn: modeBits(
    "002",
    "qmail's conf-patrn: mode bits that no home and no dot-qmail file may have",
  ),
  users: choice(
    ["system", "passwd"],
    "system",
    "Where users come from: the system (NSS), or /etc/passwd alone",
  ),
} as const;
