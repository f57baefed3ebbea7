import type { ColumnType } from "kysely";
import type { Id } from "../../platform/ids.ts";
import type { Door } from "../../platform/people.ts";
import type { TrafficSnapshot, TrafficState } from "../../providers/traffic/contract.ts";
import type { Drift } from "./drift.ts";
import type { Wanted } from "./effects.ts";
import type { Verdict } from "./judge.ts";
import type {
  Because,
  Decided,
  Failing,
  Judged,
  ParityNote,
  Pause,
  Recovery,
  RolloutState,
  StepMark,
} from "./model.ts";
import type { PlanOptions, RolloutPlan } from "./plan.ts";
import type { PutBack } from "./put-back.ts";
import type { QueuedState } from "./queue-store.ts";
import type { Surroundings } from "./surroundings.ts";

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
    surroundings: Json<Surroundings> | null;
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
    judged: Json<Judged> | null;
    marks: Json<StepMark[]>;
    deploy_id: Id<"deploy"> | null;
    parity: Json<ParityNote> | null;
    recovery: Json<Recovery> | null;
    put_back: Json<PutBack> | null;
    restored_ms: number | null;
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
  rollout_queue: {
    id: Id<"rollout">;
    number: number;
    service: string;
    environment: string;
    version: string;
    change_id: string | null;
    options: Json<PlanOptions>;
    team: string;
    person: string;
    door: Door;
    channel: string;
    /** Id of what was in the way when it was queued. */
    behind: string;
    queued_at: Timestamp;
    expires_at: Timestamp;
    state: QueuedState;
    ended_at: Timestamp | null;
    /** Why it ended without a start, as people read it. */
    outcome: string | null;
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
