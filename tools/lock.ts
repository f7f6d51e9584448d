/** `task lock`: writes deno.lock anew from every entry point, after a dependency was changed. */
const entries = ["main.ts", "tools/start.ts", "tools/test.ts", "tools/compile.ts"];
const walk = (dir: string) => {
  for (const entry of Deno.readDirSync(dir)) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) walk(path);
    else if (entry.name.endsWith(".ts")) entries.push(path);
  }
};
walk("tests");
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["install", "--lock=deno.lock", "--frozen=false", "--entrypoint", ...entries.sort()],
}).output();
Deno.exit(code);
