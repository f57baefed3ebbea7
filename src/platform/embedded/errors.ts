export type EmbeddedErrorCode =
  | "platform_unsupported"
  | "account_missing"
  | "data_unreachable"
  | "data_other_owner"
  | "data_other_major"
  | "data_folder_damaged"
  | "initdb_failed"
  | "postgres_start_failed"
  | "postgres_stop_failed"
  | "password_refused"
  | "port_in_use"
  | "already_running"
  | "process_start_failed"
  | "process_not_ready"
  | "process_stop_failed";

/** Something on this machine stands in the way of starting; `hint` says what to do about it. */
export class EmbeddedError extends Error {
  constructor(
    readonly code: EmbeddedErrorCode,
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = "EmbeddedError";
  }
}
