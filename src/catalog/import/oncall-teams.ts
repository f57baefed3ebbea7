/** Teams of the catalog from Grafana OnCall's escalation chains and schedules. Pure but for the draft. */
import { type Draft, nameOf } from "./draft.ts";
import { readChain } from "./oncall-escalation.ts";
import type { OnCallChain, OnCallExport } from "./oncall-export.ts";
import { readSchedule } from "./oncall-schedule.ts";

export class OnCallTeams {
  readonly #draft: Draft;
  readonly #file: OnCallExport;
  readonly #personOf: (userId: string) => string | undefined;
  readonly #teams = new Map<string, string>();
  readonly #schedules = new Set<string>();
  #first: string | undefined;

  constructor(draft: Draft, file: OnCallExport, personOf: (userId: string) => string | undefined) {
    this.#draft = draft;
    this.#file = file;
    this.#personOf = personOf;
  }

  /** The first team made, which owns what names no owner. */
  get first(): string | undefined {
    return this.#first;
  }

  isUsed(chainId: string): boolean {
    return this.#teams.has(chainId);
  }

  /** Team of a chain, made at its first use; undefined for no chain. */
  ofChain(
    chainId: string | undefined,
    channelId: string | undefined,
    defaultChannel: string,
  ): string | undefined {
    const chain = this.#file.escalation_chains.find(({ id }) => id === chainId);
    if (chain === undefined) return undefined;
    const known = this.#teams.get(chain.id);
    if (known !== undefined) return known;
    const siblings = this.#file.escalation_chains.filter(
      ({ team_id }) => team_id !== null && team_id !== undefined && team_id === chain.team_id,
    );
    const name = nameOf((siblings.length === 1 ? this.nameOf(chain.team_id) : undefined) ?? chain.name);
    const free = this.#draft.find("teams", name) ? nameOf(`${name}-${chain.id}`) : name;
    this.#teams.set(chain.id, free);
    this.#makeTeam(free, chain, channelId === undefined ? defaultChannel : this.#draft.channel(channelId));
    return free;
  }

  #makeTeam(name: string, chain: OnCallChain, channel: string): void {
    const read = readChain(
      chain.name,
      this.#file.escalation_policies.filter(({ escalation_chain_id }) => escalation_chain_id === chain.id),
    );
    for (const { at, message } of read.notes) this.#draft.note(at, message);
    const onCall =
      read.schedule === undefined ? this.#alone(read.first, chain.name) : this.#scheduled(read.schedule);
    const people = (ids: readonly string[]) => [...new Set(ids.flatMap((id) => this.#personOf(id) ?? []))];
    const leads = people(read.named);
    this.#first ??= name;
    this.#draft.entry("teams", name, () => ({
      members: [...new Set([...membersOf(onCall), ...people(read.first)])],
      leads: leads.length > 0 ? leads : [this.#draft.somebody()],
      alertChannel: channel,
      leadsChannel: channel,
      ...(onCall ? { onCall } : {}),
      ...(read.escalation.length > 0 ? { escalation: read.escalation } : {}),
    }));
  }

  #scheduled(scheduleId: string): Readonly<Record<string, unknown>> | undefined {
    const schedule = this.#file.schedules.find(({ id }) => id === scheduleId);
    if (schedule === undefined) {
      this.#draft.note("schedules", `does not list ${scheduleId}, which an escalation chain asks`);
      return undefined;
    }
    const shifts = new Map(this.#file.on_call_shifts.map((shift) => [shift.id, shift]));
    const read = readSchedule(schedule, shifts, this.#personOf);
    // A schedule that several chains ask is spoken of once.
    if (!this.#schedules.has(schedule.id))
      for (const { at, message } of read.notes) this.#draft.note(at, message);
    this.#schedules.add(schedule.id);
    return read.onCall;
  }

  #alone(users: readonly string[], chain: string): Readonly<Record<string, unknown>> | undefined {
    const [first, ...others] = users.flatMap((id) => this.#personOf(id) ?? []);
    if (first === undefined) return undefined;
    if (others.length > 0)
      this.#draft.note(
        `escalation_chains.${chain}`,
        `wakes ${users.length} people at once; ${first} is on call, the others are members`,
      );
    return { rotation: [first], start: "2026-01-05T09:00", zone: "UTC" };
  }

  unusedSchedules(defaultChannel: string): void {
    for (const schedule of this.#file.schedules) {
      if (this.#schedules.has(schedule.id)) continue;
      const onCall = this.#scheduled(schedule.id);
      if (onCall === undefined) continue;
      const name = this.plain(schedule.name, defaultChannel);
      const team = this.#draft.find("teams", name);
      if (team) Object.assign(team, { members: membersOf(onCall), onCall });
      this.#draft.note(
        `schedules.${schedule.name}`,
        `is asked by no chain that is used; it became the team ${name}`,
      );
    }
  }

  plain(name: string, channel: string): string {
    const own = nameOf(name);
    this.#first ??= own;
    this.#draft.entry("teams", own, () => ({
      leads: [this.#draft.somebody()],
      alertChannel: channel,
      leadsChannel: channel,
    }));
    return own;
  }

  nameOf(id: string | null | undefined): string | undefined {
    return this.#file.teams.find((team) => team.id === id)?.name;
  }
}

function membersOf(onCall: Readonly<Record<string, unknown>> | undefined): string[] {
  const layers = (onCall?.layers ?? (onCall ? [onCall] : [])) as readonly { rotation: readonly string[] }[];
  return [...new Set(layers.flatMap(({ rotation }) => rotation))];
}
