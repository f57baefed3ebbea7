import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { type Route, readRoute } from "./routes.ts";

/** The state file cannot be used; the message names the file and what to do. */
export class RouterStateError extends Error {
  readonly code = "router_state_unusable";

  constructor(
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

const format = 1;

/** The routes as last kept; none when the file is not there yet. */
export async function loadRoutes(file: string): Promise<Route[]> {
  const hint = `Restore ${file} from a copy, or move it away: the router then starts without routes until they are set again.`;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return [];
    throw new RouterStateError(`The router's state file ${file} cannot be read.`, hint, error);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new RouterStateError(`The router's state file ${file} is not JSON.`, hint, error);
  }
  const { format: found, routes } = Object(content) as { format?: unknown; routes?: unknown };
  if (found !== format || !Array.isArray(routes)) {
    throw new RouterStateError(`The router's state file ${file} is not of format ${format}.`, hint);
  }
  return routes.map((item) => {
    const route = readRoute(item);
    if (route.ok) return route.value;
    throw new RouterStateError(`${file}: ${route.field} ${route.message}.`, hint);
  });
}

/**
 * Replaces the file in one step and returns once it would survive a power cut: write beside it, flush, rename,
 * flush the folder. A crash anywhere leaves the old file or the new one.
 */
export async function saveRoutes(file: string, routes: readonly Route[]): Promise<void> {
  const beside = `${file}.next`;
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(beside, "w", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ format, routes }, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  const folder = await open(dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
