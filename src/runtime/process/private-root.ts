/**
 * A root directory for children: their code, `node`, the libraries that it loads, the command that lets go of privileges.
 *
 * Native code asks no permission of Node's. In a root of its own it finds no file of the machine, no `/proc`, no device but
 * `/dev/null`, no socket, no program but these two, and nothing that it could write. The directory holds empty files; each child puts the
 * real ones over them, read-only, in a mount namespace that is gone when the child is.
 */
import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { commandPath, librariesOf } from "./commands.ts";

export interface PrivateRoot {
  /** What becomes `/`. */
  readonly directory: string;
  /** What is put into it, as `mount` reads it: one process for all of them. */
  readonly mounts: string;
}

/** Where things are inside of it. */
export const INSIDE = { code: "/code", node: "/node", setpriv: "/setpriv" } as const;

/** The one device: without it, `node` keeps its root open instead. */
const NULL_DEVICE = "/dev/null";

/** Lays it out in `home`, with `code` to be read in it; undefined where the machine lacks a command for it. */
export async function layPrivateRoot(home: string, code: string): Promise<PrivateRoot | undefined> {
  const setpriv = commandPath("setpriv");
  if (process.platform !== "linux" || setpriv === undefined) return undefined;
  const directory = join(home, "root");
  const libraries = await Promise.all([process.execPath, setpriv].map(librariesOf));
  const files = new Map(libraries.flat().map((path) => [path, path]));
  files.set(INSIDE.node, process.execPath).set(INSIDE.setpriv, setpriv);
  for (const inside of [...files.keys(), NULL_DEVICE]) await placeholder(join(directory, inside));
  await mkdir(join(directory, INSIDE.code), { mode: 0o755 });

  const flagsOf = await mountFlags();
  const line = async (source: string, target: string, more: readonly string[] = ["nodev"]): Promise<string> => {
    const options = new Set(["bind", "ro", "nosuid", ...more, ...flagsOf(await realpath(source))]);
    return `${escaped(source)} ${escaped(target)} none ${Array.from(options).join(",")} 0 0\n`;
  };
  const lines = await Promise.all([
    line(directory, directory),
    line(code, join(directory, INSIDE.code)),
    line(NULL_DEVICE, join(directory, NULL_DEVICE), []),
    ...Array.from(files, ([inside, source]) => line(source, join(directory, inside))),
  ]);
  const mounts = join(home, "mounts");
  await writeFile(mounts, lines.join(""));
  return { directory, mounts };
}

/** The words that make it the root of what comes after them. Undefined where one of the commands for it is missing. */
export function enterPrivateRoot(
  { directory, mounts }: PrivateRoot,
  inUserNamespace: boolean,
): readonly string[] | undefined {
  const [shell, mount, env, chroot] = ["sh", "mount", "env", "chroot"].map(commandPath);
  if (shell === undefined || mount === undefined || env === undefined || chroot === undefined) return undefined;
  // A shell adds variables of its own, which are taken away again.
  const script = `${inUserNamespace ? NO_MORE_NAMESPACES : ""}"$1" -a -T "$2" && shift 2 && exec "$@"`;
  return [shell, "-c", script, "sh", mount, mounts, env, "-i", chroot, directory];
}

/**
 * A new user namespace comes with all privileges over itself, and with them a way to the parts of the kernel that only root
 * reaches. Who lives in a changed root gets none; this says it once more.
 */
const NO_MORE_NAMESPACES = "echo 0 2>/dev/null >/proc/sys/user/max_user_namespaces; ";

async function placeholder(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, "", { mode: 0o644 });
}

/** White space ends a field there. */
function escaped(path: string): string {
  return path.replaceAll(/[ \t\n\\]/g, (sign) => `\\${sign.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** What a place's own mount forbids: in a user namespace, a mount that is made of it must not be made to allow it. */
async function mountFlags(): Promise<(place: string) => readonly string[]> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .map((entry) => entry.split(" "))
    .map(([, , , , point = "", flags = ""]) => ({ point: unescaped(point), flags: flags.split(",") }))
    .filter(({ point }) => point !== "");
  return (place) =>
    mounts
      .filter(({ point }) => isWithin(place, point))
      .reduce((deepest, mount) => (mount.point.length >= deepest.point.length ? mount : deepest))
      .flags.filter((flag) => flag === "noexec" || flag === "nodev");
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
