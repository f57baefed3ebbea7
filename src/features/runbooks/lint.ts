/** What is wrong with the runbooks and with what the catalog says of them, for `quarterdeck lint`. */
import { person, service as serviceOf, team } from "../../catalog/lookup.ts";
import type { Problem } from "../../catalog/problem.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { suggestion } from "../../platform/commands/nearest.ts";
import { openLibrary } from "./library.ts";
import { goldenKinds, signalsNamed } from "./model.ts";
import type { Runbook } from "./read.ts";

/**
 * Every problem with file and line. `commands`: names of the commands there are; with them, steps that name another
 * are a problem too.
 */
export async function lintRunbooks(
  dir: string,
  catalog: Catalog,
  commands?: readonly string[],
): Promise<Problem[]> {
  const { runbooks, problems } = await openLibrary(dir).shelf();
  const broken = new Set(problems.map(({ file }) => file));
  const names = runbooks.map(({ name }) => name);
  return [
    ...problems,
    ...runbooks.flatMap((runbook) => problemsOf(runbook, catalog, commands)),
    ...catalog.services.flatMap((service) =>
      service.runbooks
        .filter((name) => !names.includes(name) && ![...broken].some((file) => file.endsWith(`${name}.md`)))
        .map((name) => ({
          file: dir,
          line: 1,
          field: `services.${service.name}.runbooks`,
          message: `names runbook "${name}", which has no file here; ${suggestion(name, names) || `write ${name}.md`}`,
        })),
    ),
  ];
}

function problemsOf(runbook: Runbook, catalog: Catalog, commands: readonly string[] | undefined): Problem[] {
  const { file, front, template, lineOf } = runbook;
  const at = (path: readonly PropertyKey[], message: string): Problem => ({
    file,
    line: lineOf(path),
    field: path.map(String).join("."),
    message,
  });
  const found: Problem[] = [];
  const people = catalog.people.map(({ id }) => id);
  const teams = catalog.teams.map(({ name }) => name);
  if (front.owner === undefined)
    found.push(at(["owner"], "is missing; name the person or team that answers for it"));
  else if (!person(catalog, front.owner) && !team(catalog, front.owner))
    found.push(
      at(
        ["owner"],
        `names "${front.owner}", nobody and no team of the catalog; ${suggestion(front.owner, [...people, ...teams])}`.trim(),
      ),
    );
  if (front.verified && !person(catalog, front.verified.by))
    found.push(
      at(
        ["verified", "by"],
        `names "${front.verified.by}", nobody the catalog knows; ${suggestion(front.verified.by, people)}`.trim(),
      ),
    );
  front.services.forEach((name, index) => {
    if (!serviceOf(catalog, name))
      found.push(
        at(
          ["services", index],
          `names service "${name}", which is not declared; ${suggestion(
            name,
            catalog.services.map((one) => one.name),
          )}`.trim(),
        ),
      );
  });
  const asked = [
    ...front.signals.map((name, index) => ({ name, line: lineOf(["signals", index]) })),
    ...(front.chart === undefined ? [] : [{ name: front.chart, line: lineOf(["chart"]) }]),
    ...(template?.uses.signals ?? []).map((name) => ({ name, line: lineOf(["signals"]) })),
  ];
  const services = front.services.length > 0 ? front.services : catalog.services.map(({ name }) => name);
  for (const { name, line } of asked) {
    const isDeclared =
      goldenKinds.includes(name) ||
      services.some((service) => signalsNamed(catalog, service, name).length > 0);
    if (!isDeclared)
      found.push({
        file,
        line,
        field: "signals",
        message:
          `names signal "${name}", which ${services.join(", ") || "no service"} does not declare; ${suggestion(
            name,
            services.flatMap((service) =>
              (serviceOf(catalog, service)?.signals ?? []).map((signal) => signal.name),
            ),
          )}`.trim(),
      });
  }
  for (const { line, command } of template?.uses.actions ?? [])
    if (
      commands !== undefined &&
      !commands.some((known) => known === command || known.startsWith(`${command} `))
    )
      found.push({
        file,
        line,
        field: "",
        message: `has an action "${command}", which is no command; ${suggestion(command, commands)}`.trim(),
      });
  return found;
}
