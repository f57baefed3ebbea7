/** What a freeze of the calendar says of other entries. */
import { parseId } from "../platform/ids.ts";
import type { Checks, Say } from "./checks.ts";
import type { CalendarFreeze } from "./freezes.ts";
import { environmentsOf } from "./lookup.ts";
import type { Catalog } from "./schema.ts";

export function checkFreeze({ say, team, service }: Checks, freeze: CalendarFreeze): void {
  if (parseId(freeze.name) !== undefined)
    say(freeze, ["name"], `"${freeze.name}" reads as an id; rename the freeze`);
  if (freeze.scope === "all") return;
  freeze.scope.teams.forEach((name, index) => {
    team(freeze, ["scope", "teams", index], name);
  });
  freeze.scope.services.forEach((name, index) => {
    service(freeze, ["scope", "services", index], name);
  });
}

/** An environment that nobody has is a freeze of nothing. */
export function warnOfFreeze(catalog: Catalog, freeze: CalendarFreeze, warn: Say): void {
  const known = new Set(catalog.services.flatMap(({ name }) => environmentsOf(catalog, name)));
  freeze.environments?.forEach((name, index) => {
    if (!known.has(name))
      warn(
        freeze,
        ["environments", index],
        `no service has an environment "${name}"; it freezes nothing there`,
      );
  });
}
