/** Pages of ours that come back from a paging provider, known by the mark in their key. Pure. */
import { pageOfKey } from "../../../providers/pagers/contract.ts";

export const isOwnPage = (key: unknown): boolean => typeof key === "string" && pageOfKey(key) !== undefined;
