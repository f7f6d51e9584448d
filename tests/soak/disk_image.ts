/**
 * An ext4 file system of its own in an image file, and a power cut for it: from one moment on nothing reaches the image any more,
 * and mounting it again is what a machine does that starts after one. Needs root, loop devices and mkfs.ext4.
 */

/** _IOR('X', 125, __u32): ends a file system, such as xfstests do. */
const EXT4_IOC_SHUTDOWN = 0x8004587dn;
/** Not even what its log still waits to write is written. */
const EXT4_GOING_FLAGS_NOLOGFLUSH = 2;

const LIBC = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

export interface DiskImage {
  /** Where it is mounted, or was. */
  readonly mountPoint: string;
  /** Cuts the power. Does not wait for anything. */
  cut(): void;
  /** Unmounts it and mounts it again, which brings back what its log has. */
  restart(): Promise<void>;
  /** Unmounts it, if it is mounted, and removes everything. */
  remove(): Promise<void>;
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Runs a program; null, or what it said instead of succeeding. */
async function refusalOf(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
    return success ? null : `${program}: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    return `${program}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function run(program: string, ...args: string[]): Promise<void> {
  const refusal = await refusalOf(program, ...args);
  if (refusal !== null) throw new Error(refusal);
}

/** Why there can be no such image here; null: there can. */
export async function whyNoImage(): Promise<string | null> {
  if (Deno.uid() !== 0) return "it needs root";
  for (const program of ["mkfs.ext4", "losetup"]) {
    const refusal = await refusalOf(program, "-V");
    if (refusal !== null) return refusal;
  }
  return await refusalOf("losetup", "--find");
}

/** @throws {Error} when the kernel does not know the call */
function cutPower(mountPoint: string): void {
  const library = Deno.dlopen("libc.so.6", LIBC);
  try {
    const c = library.symbols;
    const fd = c.open(bytesOf(`${mountPoint}\0`), 0);
    const flags = Uint32Array.of(EXT4_GOING_FLAGS_NOLOGFLUSH);
    const result = c.ioctl(fd, EXT4_IOC_SHUTDOWN, new Uint8Array(flags.buffer));
    c.close(fd);
    if (result !== 0) throw new Error(`"${mountPoint}" can't be shut down`);
  } finally {
    library.close();
  }
}

/** Makes an image below `dir` and mounts it. */
export async function makeDiskImage(dir: string, megabytes: number): Promise<DiskImage> {
  const top = Deno.makeTempDirSync({ dir, prefix: "power-cut-" });
  const image = `${top}/image`;
  const mountPoint = `${top}/disk`;
  let isMounted = false;
  const mount = async () => {
    await run("mount", "-o", "loop", "-t", "ext4", image, mountPoint);
    isMounted = true;
  };
  const unmount = async () => {
    if (isMounted) await run("umount", mountPoint);
    isMounted = false;
  };
  const remove = async () => {
    await unmount();
    Deno.removeSync(top, { recursive: true });
  };
  try {
    Deno.mkdirSync(mountPoint);
    Deno.writeFileSync(image, new Uint8Array());
    Deno.truncateSync(image, megabytes * 1024 * 1024);
    await run("mkfs.ext4", "-q", "-F", image);
    await mount();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    mountPoint,
    cut: () => cutPower(mountPoint),
    async restart() {
      await unmount();
      await mount();
    },
    remove,
  };
}
