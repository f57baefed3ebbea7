/** `quarterdeck rollout export`: what the judge was given of a rollout, as a file. */
import { writeFile } from "node:fs/promises";
import { readSettings } from "../config/config.ts";
import { exportRollout } from "../features/rollouts/index.ts";
import { CommandError, say, tell, withDatabase } from "./world.ts";

export async function run(id: string, { out }: { out?: string }): Promise<void> {
  await withDatabase(readSettings(), async ({ db }) => {
    const found = await exportRollout(db, id.toUpperCase());
    if (found === "unknown")
      throw new CommandError(`There is no rollout ${id}.`, "`/ops rollout history` lists them.");
    if (found === "not-judged")
      throw new CommandError(
        `${id} has not been judged yet, or by an earlier release.`,
        "Wait for its first look.",
      );
    const text = `${JSON.stringify(found, null, 2)}\n`;
    if (out === undefined) process.stdout.write(text);
    else {
      await writeFile(out, text);
      say(`${out}: judge it again with \`quarterdeck judge --file ${out}\``);
    }
    tell(`${id}: what was decided then stands under recorded.`);
  });
}
