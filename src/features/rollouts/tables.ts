import type { ColumnType } from "kysely";
import type { Id } from "../../platform/ids.ts";
import type { TrafficSnapshot, TrafficState } from "../../providers/traffic/contract.ts";
import type { Drift } from "./drift.ts";
import type { Wanted } from "./effects.ts";
import type { Verdict } from "./judge.ts";
import type {
  Because,
  Decided,
  Failing,
  ParityNote,
  Pause,
  Recovery,
  RolloutState,
  StepMark,
} from "./model.ts";
import type { RolloutPlan } from "./plan.ts";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Json<T> = ColumnType<T, string, string>;

export interface RolloutTables {
  rollouts: {
    id: Id<"rollout">;
    number: number;
    service: string;
    environment: string;
    from_version: string;
    to_version: string;
    started_team: string;
    started_by: string;
    started_at: Timestamp;
    deadline_at: Timestamp;
    channel: string;
    change_id: string | null;
    catalog_digest: string;
    plan: Json<RolloutPlan>;
    way_back: Json<TrafficSnapshot>;
    state: RolloutState["is"];
    step_index: number | null;
    since: Timestamp | null;
    until: Timestamp | null;
    pause: Json<Pause> | null;
    because: Json<Because> | null;
    seq: number;
    decided: Json<Decided>;
    failing: Json<Failing> | null;
    drift: Json<Drift> | null;
    verdict: Json<Verdict> | null;
    marks: Json<StepMark[]>;
    deploy_id: Id<"deploy"> | null;
    parity: Json<ParityNote> | null;
    recovery: Json<Recovery> | null;
    ended_at: Timestamp | null;
  };
  rollout_samples: {
    rollout_id: string;
    signal: string;
    start_at: Timestamp;
    end_at: Timestamp;
    canary_bad: number | null;
    canary_total: number | null;
    stable_bad: number | null;
    stable_total: number | null;
    canary_value: number | null;
    stable_value: number | null;
  };
  rollout_effects: {
    key: string;
    owner: string;
    service: string;
    wanted: Json<Wanted>;
    intent_at: Timestamp;
    attempts: number;
    last_error: string | null;
    done_at: Timestamp | null;
    read_back: Json<TrafficState> | null;
  };
  traffic_holders: {
    service: string;
    environment: string;
    /** Null when nobody moves it. */
    holder: string | null;
    turn: number;
    what: string;
    team: string;
    person: string;
    since: Timestamp;
  };
}
