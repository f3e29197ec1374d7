/** What the server says about models: versions, gates with their evidence, approvals, cards and the audit trail. */

import type { MetricValue, Stage } from '../api';
import type { IServerJob } from '../jobs';
import type { ILineage } from '../proof';

/** Plain JSON, as gates keep their evidence. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** A condition of `trackbook.toml`; what else it holds depends on its type. */
export interface IGate {
  readonly type: string;
  readonly title: string;
  readonly stage: Stage;
  readonly settings: Readonly<Record<string, Json>>;
}

/** What one gate said; `void` says why it does not count any more, null where it does. */
export interface IGateResult {
  readonly gate: IGate;
  readonly stage: Stage;
  readonly passed: boolean;
  readonly reason: string;
  readonly value: MetricValue | null;
  readonly time: string;
  readonly void: string | null;
  readonly evidence: Readonly<Record<string, Json>> | null;
}

/** What one person decided; `who` marks a name that nobody vouches for, in so many words. */
export interface IDecision {
  readonly who: string;
  readonly authenticated: boolean;
  readonly stage: Stage;
  readonly approved: boolean;
  readonly comment: string;
  readonly time: string;
  readonly expires: string | null;
  readonly void: string | null;
}

/** How one rule of approvals stands. */
export interface ITally {
  readonly count: number;
  readonly named: readonly string[];
  readonly met: boolean;
  readonly can_be_met: boolean;
  readonly decisions: readonly IDecision[];
  /** Who else can approve. */
  readonly open: readonly string[];
}

/** What a version still lacks for a stage; without sentences it lacks nothing. */
export interface IStanding {
  readonly stage: Stage;
  readonly ready: boolean;
  readonly advisory: string | null;
  readonly sentences: readonly string[];
  readonly results: readonly IGateResult[];
  /** How many gates the policy has for the stage. */
  readonly gates: number;
  readonly tallies: readonly ITally[];
}

/** How many of the newest results of a version's gates say what. */
export interface IGateCounts {
  readonly passed: number;
  readonly failed: number;
  readonly void: number;
}

export interface IVersionBrief {
  readonly version: number;
  readonly stage: Stage;
  readonly created_time: string;
  readonly created_by: string;
  readonly gates: IGateCounts;
  /** The reason for which it is in its stage against its gates or approvals. */
  readonly override: string | null;
  readonly deprecated: string | null;
}

/** A model in a list. */
export interface IModelSummary {
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly versions: number;
  readonly aliases: Readonly<Record<string, number>>;
  readonly production: IVersionBrief | null;
  readonly newest: IVersionBrief | null;
  /** How many approvals the newest version still waits for on its way to production; 0 for none. */
  readonly waiting: number;
}

export interface IModelPage {
  readonly models: readonly IModelSummary[];
  readonly total: number;
  readonly next_cursor: string | null;
}

export interface IVersion extends IVersionBrief {
  readonly uri: string;
  readonly digest: string;
  readonly format: string;
  /** Whether loading it may run code that it brings along. */
  readonly unsafe: boolean;
  readonly size: number;
  readonly run_id: string | null;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly params: Readonly<Record<string, string>>;
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
}

/** Who asks; `words` marks a name that nobody vouches for. */
export interface IWho {
  readonly name: string;
  readonly authenticated: boolean;
  readonly words: string;
}

export interface IModelDetail {
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly intended_use: string;
  readonly limits: string;
  readonly created_time: string;
  readonly aliases: Readonly<Record<string, number>>;
  readonly versions: readonly IVersion[];
  readonly you: IWho;
}

/** An audit event in words; `red` marks what must not be overlooked, such as an override. */
export interface IAuditEvent {
  readonly seq: number;
  readonly time: string;
  readonly who: string;
  readonly authenticated: boolean;
  readonly action: string;
  readonly model: string | null;
  readonly version: number | null;
  readonly words: string;
  readonly why: string;
  readonly red: boolean;
  /** The stage that it moved its version to, and the versions that it moved out of there. */
  readonly stage: Stage | null;
  readonly archived: readonly number[];
  readonly hash: string;
}

export interface IAuditPage {
  readonly events: readonly IAuditEvent[];
  readonly next_cursor: string | null;
}

/** Whether the whole trail is as it was written; `faults` say what is not, the first broken event first. */
export interface IAuditVerdict {
  readonly sound: boolean;
  readonly events: number;
  readonly signed: boolean;
  readonly words: string;
  readonly faults: readonly string[];
}

/** A check of the gates that the server has started. */
export interface ICheckJob extends IServerJob {
  readonly model: string;
  readonly version: string;
  readonly gates_of: string;
  readonly check: { readonly results: readonly IGateResult[] } | null;
}

export type Cell = string | number | null;

/** A part of a card's section. */
export type IBlock =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly missing: boolean;
      readonly red: boolean;
    }
  | {
      readonly kind: 'table';
      readonly caption: string;
      readonly heads: readonly string[];
      readonly rows: readonly (readonly Cell[])[];
      readonly red: readonly number[];
    }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'graph'; readonly lineage: ILineage }
  | { readonly kind: 'intervals'; readonly measures: readonly IMeasure[] };

/** A metric with its interval, of all rows or of one slice. */
export interface IMeasure {
  readonly metric: string;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly slice: string | null;
  readonly rows: number | null;
}

export interface ICard {
  readonly title: string;
  readonly warnings: readonly string[];
  readonly sections: readonly { readonly title: string; readonly blocks: readonly IBlock[] }[];
  /** For files: the card as Markdown. */
  readonly markdown: string;
}

type Pair = readonly [string | null, string | null];
export type Pairs = Readonly<Record<string, Pair>>;

/** Two versions beside each other; what stands in pairs is that of the first and of the second. */
export interface IVersionComparison {
  readonly versions: readonly [number, number];
  readonly facts: Pairs;
  readonly metrics: readonly {
    readonly metric: string;
    readonly slice: string | null;
    readonly one: MetricValue | null;
    readonly other: MetricValue | null;
    readonly change: MetricValue | null;
    readonly low: number | null;
    readonly high: number | null;
  }[];
  readonly params: Pairs;
  readonly signature: Pairs;
  readonly data: Pairs;
  readonly environment: Pairs;
  readonly gates: readonly {
    readonly gate: string;
    readonly stage: string;
    readonly one: string | null;
    readonly other: string | null;
  }[];
}

/** What a promotion asks for. */
export interface IPromotionWish {
  readonly stage: Stage;
  readonly reason: string | null;
  readonly override: boolean;
}
