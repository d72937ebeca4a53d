import { readFailure } from "../../cli/read_failure.ts";
import { mustBeHeader, mustBeHeaderValue } from "../flags/flag_checks.ts";

/** What a line of the file of `--users` tells of a user. */
export interface UserLine {
  /** The name, for `?name=` and `{name}`. */
  readonly name?: string;
  /** The room, instead of that of `--room` or `--rooms`. */
  readonly room?: string;
  /** The bearer token, instead of that of `--token`. */
  readonly token?: string;
  /** Headers of the handshake, in lower case. They replace those of `--header`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The file of `--users` cannot be read, or a line of it is wrong. */
export class UsersFileError extends Error {
  override readonly name = "UsersFileError";
}

/**
 * Reads the file of `--users`.
 *
 * @throws {UsersFileError} If the file cannot be read, has no user, or a line of it is wrong.
 */
export async function readUsersFile(path: string): Promise<readonly UserLine[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const message = `Cannot read the file of --users: ${path} (${readFailure(cause)})`;
    throw new UsersFileError(message, { cause });
  }
  const parsed = parseUsers(text);
  if ("fault" in parsed) {
    throw new UsersFileError(`Cannot use the file of --users, because ${parsed.fault}: ${path}`);
  }
  return parsed.users;
}

/**
 * Parses users, a JSON object on each line. Empty lines are skipped.
 *
 * @returns The users, or what is wrong with the text.
 */
export function parseUsers(
  text: string,
): { readonly users: readonly UserLine[] } | { readonly fault: string } {
  const users: UserLine[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const user = parseLine(line);
    if (typeof user === "string") return { fault: `line ${index + 1} ${user}` };
    users.push(user);
  }
  return users.length > 0 ? { users } : { fault: "it has no user" };
}

const FIELDS = ["name", "room", "token", "headers"];

/** @returns The user, or what is wrong, to complete the sentence "line 3 …". */
function parseLine(line: string): UserLine | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "is not JSON";
  }
  if (!isObject(value)) return 'is not an object such as {"name":"Ann"}';
  const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return `has an unknown field "${unknown}"`;
  for (const field of ["name", "room", "token"]) {
    const text = value[field];
    if (text !== undefined && (typeof text !== "string" || text === "")) {
      return `has a "${field}" that is not a text`;
    }
  }
  const { token, headers = {} } = value;
  if (typeof token === "string" && mustBeHeaderValue(token)) {
    return 'has a "token" with characters that a header cannot have';
  }
  if (!isObject(headers)) return 'has "headers" that are not an object';
  for (const [name, each] of Object.entries(headers)) {
    if (typeof each !== "string") return `has a header "${name}" that is not a text`;
    const mustBe = mustBeHeader(`${name}:${each}`);
    if (mustBe) return `has a header "${name}" that is not ${mustBe}`;
  }
  const lowerCase = Object.entries(headers).map(([name, each]) => [name.toLowerCase(), each]);
  return { ...value, ...value.headers ? { headers: Object.fromEntries(lowerCase) } : {} };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
