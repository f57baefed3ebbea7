/** Notices that a catalog's files changed. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { catalogFileNames } from "./load.ts";

export interface CatalogWatch {
  close(): void;
}

export interface WatchOptions {
  /** Time between two looks; a change is told once it held still for one of them. */
  pollMs?: number;
  /** Called after each look. */
  onLook?: () => void;
}

const pollMsDefault = 1_000;

/**
 * Calls `onChange` after files were added, removed or written and have held still. It looks at names, sizes and
 * times instead of asking the kernel for events: those do not come from network volumes and mounted secrets.
 */
export function watchCatalog(dir: string, onChange: () => void, options: WatchOptions = {}): CatalogWatch {
  const pollMs = options.pollMs ?? pollMsDefault;
  let told: string | undefined;
  let seen: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const look = async () => {
    const current = await stateOf(dir);
    if (isClosed) return;
    if (told === undefined) told = current;
    else if (current !== told && current === seen) {
      told = current;
      onChange();
    }
    seen = current;
    options.onLook?.();
    timer = setTimeout(look, pollMs);
    timer.unref();
  };
  void look();

  return {
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** Names, sizes and times as one text; a folder or file that cannot be read is a state of its own. */
async function stateOf(dir: string): Promise<string> {
  try {
    const names = await catalogFileNames(dir);
    const states = names.map(async (name) => {
      const { mtimeMs, ctimeMs, size, ino } = await stat(join(dir, name));
      return [name, mtimeMs, ctimeMs, size, ino].join(" ");
    });
    return (await Promise.all(states)).join("\n");
  } catch (cause) {
    return `unreadable: ${cause instanceof Error ? cause.message : cause}`;
  }
}
