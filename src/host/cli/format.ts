import { isTaskerError } from "../../core/errors/index.ts";

/** `1.6 MB`, `49 kB`: sizes for people, powers of ten. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `134,217,728 bytes (128 MiB)`: limits are set in bytes, and thought of in powers of two. */
export function limitBytes(bytes: number): string {
  const exact = `${grouped(bytes)} bytes`;
  if (bytes < 1_024) return exact;
  const [unit, size] = bytes < 1_048_576 ? (["KiB", 1_024] as const) : (["MiB", 1_048_576] as const);
  return `${exact} (${Number((bytes / size).toFixed(1))} ${unit})`;
}

/** `10,000,000`. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** `0.6 s`, `12 ms`. */
export function formatDuration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** Enough of a digest for people to compare. */
export function shortDigest(digest: string): string {
  return `sha256:${digest.slice(0, 12)}`;
}

/** An error as a command shows it: code and message, then what to do. Others than ours are bugs and show their stack. */
export function formatError(error: unknown): string {
  if (!isTaskerError(error)) {
    if (isBuildError(error)) return `${error.code}: ${error.message}`;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return `${error.code}: ${error.message}\n  → ${error.remedy}`;
}

/** The same for `--json`. */
export function errorJson(error: unknown): string {
  if (!isTaskerError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    if (isBuildError(error)) return JSON.stringify({ error: { code: error.code, message } });
    return JSON.stringify({ error: { code: "TSK_HOST_INTERNAL", message } });
  }
  const { code, message, found, accepted, remedy, details } = error;
  return JSON.stringify({ error: { code, message, found, accepted, remedy, details } });
}

/** The toolchain is a package of its own, loaded on demand, with errors of its own. */
export function isBuildError(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("TSK_BUILD_")
  );
}
