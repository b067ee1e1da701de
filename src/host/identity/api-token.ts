/**
 * API tokens: `tskh_<handle>_<secret><checksum>`, letters and digits.
 *
 * - `tskh_` lets scanners of repositories and logs find leaked ones, and the checksum lets them (and us) tell a real one from
 *   a look-alike without asking anybody.
 * - The handle (8 characters) is public: it names the token in lists, in the audit and when it is to be revoked, also by
 *   whoever finds it somewhere.
 * - The secret has 43 characters of 62: 256 bits.
 */
import { createHash, randomInt, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";

const PREFIX = "tskh_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HANDLE_LENGTH = 8;
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

const FORM = new RegExp(
  `^${PREFIX}(?<handle>[0-9A-Za-z]{${HANDLE_LENGTH}})_(?<secret>[0-9A-Za-z]{${SECRET_LENGTH}})(?<checksum>[0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

/** A token taken apart. */
export interface ApiToken {
  readonly handle: string;
  /** What the database keeps in place of the token. */
  readonly secretHash: Buffer;
}

export interface NewApiToken extends ApiToken {
  /** Shown once, to whoever made it. */
  readonly text: string;
}

export function newApiToken(): NewApiToken {
  const handle = randomText(HANDLE_LENGTH);
  const body = `${PREFIX}${handle}_${randomText(SECRET_LENGTH)}`;
  const text = body + checksumOf(body);
  return { text, handle, secretHash: hashOf(text) };
}

/** True for what was meant as an API token, whole or not. */
export function looksLikeApiToken(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** The token, or undefined where the text was not made here or was damaged. Asks nobody. */
export function parseApiToken(text: string): ApiToken | undefined {
  const groups = FORM.exec(text)?.groups;
  const handle = groups?.["handle"];
  const checksum = groups?.["checksum"];
  if (handle === undefined || checksum === undefined) return undefined;
  if (checksumOf(text.slice(0, -CHECKSUM_LENGTH)) !== checksum) return undefined;
  return { handle, secretHash: hashOf(text) };
}

/** Compares in the same time wherever they differ. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

/**
 * One SHA-256, no salt and no slow function: those protect passwords, which can be guessed. 256 random bits cannot, however
 * fast the hash is, and a slow one would be a way to keep the host busy.
 */
function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** No secret: it only tells damaged tokens. 62^6 is more than 2^32. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = "";
  while (text.length < CHECKSUM_LENGTH) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

/** `randomInt` draws without bias, which taking bytes modulo 62 would not. */
function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join("");
}
