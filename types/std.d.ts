// Types of the packages that come without any (npm's deno-std and the mail clients of the tests):
// only what this project uses. The names are the official ones of the Deno standard library.

declare module "@std/cli/parse-args" {
  export interface ParseOptions {
    boolean?: readonly string[];
    string?: readonly string[];
    collect?: readonly string[];
    alias?: Record<string, string | readonly string[]>;
    default?: Record<string, unknown>;
    stopEarly?: boolean;
    "--"?: boolean;
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }
  export function parseArgs(
    args: readonly string[],
    options?: ParseOptions,
  ): { _: (string | number)[]; "--"?: string[] } & Record<string, unknown>;
}

declare module "@std/yaml" {
  export function parse(content: string, options?: { schema?: string }): unknown;
  export function stringify(data: unknown, options?: Record<string, unknown>): string;
}

declare module "@std/net" {
  export function getAvailablePort(options?: { preferredPort?: number }): number;
}

declare module "@std/assert" {
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): void;
  export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
  export function assertFalse(expr: unknown, msg?: string): void;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any
    errorClass?: new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects<E extends Error = Error>(
    fn: () => Promise<unknown>,
    // deno-lint-ignore no-explicit-any
    errorClass?: new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function fail(msg?: string): never;
  export function unreachable(msg?: string): never;
}

declare module "nodemailer" {
  export interface Sent {
    accepted: string[];
    rejected: string[];
    response: string;
  }
  export interface Transport {
    sendMail(mail: {
      from?: string;
      to?: string | string[];
      subject?: string;
      text?: string;
      envelope?: { from: string; to: string | string[] };
    }): Promise<Sent>;
    close(): void;
  }
  export function createTransport(options: Record<string, unknown>): Transport;
}

declare module "node-pop3" {
  export default class Pop3Command {
    constructor(options: {
      user: string;
      password: string;
      host: string;
      port?: number;
      tls?: boolean;
      timeout?: number;
    });
    UIDL(): Promise<string[][]>;
    RETR(number: number | string): Promise<string>;
    TOP(number: number | string, lines?: number): Promise<string>;
    STAT(): Promise<string>;
    QUIT(): Promise<string>;
    command(...args: string[]): Promise<[string, unknown]>;
  }
}
