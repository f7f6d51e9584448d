/** Starts a qmail-queue program in the cheapest way this machine allows. */
import type { StartProgram } from "./program.ts";
import { startBySpawn } from "./spawn_ffi.ts";
import { startByShell } from "./spawn_shell.ts";

export const startProgram: StartProgram = (path, env, directory) =>
  startBySpawn(path, env, directory) ?? startByShell(path, env, directory);
