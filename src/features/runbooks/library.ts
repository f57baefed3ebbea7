/** The folder of runbooks. Files are read again when they change, so a runbook is never older than its file. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../../catalog/problem.ts";
import { type Runbook, readRunbook } from "./read.ts";

export interface Shelf {
  /** By name, in order. */
  runbooks: readonly Runbook[];
  problems: readonly Problem[];
}

export interface Library {
  /** Never throws for what the files hold; a folder that cannot be read is a problem of its own. */
  shelf(): Promise<Shelf>;
}

export function openLibrary(dir: string): Library {
  const known = new Map<string, { stamp: string; read: ReturnType<typeof readRunbook> }>();
  return {
    async shelf() {
      let names: string[];
      try {
        names = (await readdir(dir))
          .filter((name) => name.endsWith(".md") && !/^(\.|readme\.md$)/i.test(name))
          .sort();
      } catch (cause) {
        const message = `cannot be read: ${cause instanceof Error ? cause.message : cause}; set RUNBOOKS_PATH to the folder of runbooks`;
        return { runbooks: [], problems: [{ file: dir, line: 1, field: "", message }] };
      }
      const read = await Promise.all(
        names.map(async (fileName) => {
          const file = join(dir, fileName);
          try {
            const { mtimeMs, size, ino } = await stat(file);
            const stamp = `${mtimeMs} ${size} ${ino}`;
            const before = known.get(file);
            if (before?.stamp === stamp) return before.read;
            const now = readRunbook(file, fileName.slice(0, -".md".length), await readFile(file, "utf8"));
            known.set(file, { stamp, read: now });
            return now;
          } catch (cause) {
            const message = `cannot be read: ${cause instanceof Error ? cause.message : cause}`;
            return { problems: [{ file, line: 1, field: "", message }] };
          }
        }),
      );
      return {
        runbooks: read.flatMap((one) => ("runbook" in one && one.runbook ? [one.runbook] : [])),
        problems: read.flatMap(({ problems }) => problems),
      };
    },
  };
}
