/** What the supervising isolate and its workers say to each other beside orders: policy's memory, questions, events. */
import type { SharedBatch, StateSnapshot } from "../policy/state_share.ts";
import type { CrewAnswer, CrewQuestion } from "./crew.ts";
import type { EventBatch } from "./watchers.ts";

/** What one isolate noted, for the others. */
export interface StateMessage {
  readonly kind: "state";
  readonly batch: SharedBatch;
}

/** To a worker. snapshot: the answer to its hello. */
export type ToWorker =
  | { readonly kind: "snapshot"; readonly snapshot: StateSnapshot; readonly isWatched: boolean }
  | { readonly kind: "watch"; readonly isOn: boolean }
  | StateMessage
  | CrewQuestion;

/** From a worker. hello: it begins, and wants to know what the others know. */
export type FromWorker =
  | { readonly kind: "hello" }
  | StateMessage
  | CrewAnswer
  | EventBatch;
